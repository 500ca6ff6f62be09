// What a name looks like where there is no picture. The server computes the same for the pages that it renders.

const utf8 = new TextEncoder();

// hueOf is the colour of a name, in degrees: the 32-bit FNV-1a hash of its NFC form in UTF-8, modulo 360.
export function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const byte of utf8.encode(name.normalize("NFC"))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash % 360;
}

// initialsOf are the first letters of the first two parts of a name, its parts being separated by . _ - + and @.
export function initialsOf(name) {
  const parts = name.normalize("NFC").split(/[._\-+@]+/).filter(Boolean).slice(0, 2);
  return parts.map((part) => upper(String.fromCodePoint(part.codePointAt(0)))).join("");
}

// upper leaves a letter alone that would become two.
function upper(letter) {
  const capital = letter.toUpperCase();
  return [...capital].length === 1 ? capital : letter;
}

const order = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

// byName orders names as people expect to find them in a list.
export function byName(a, b) {
  return order.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
