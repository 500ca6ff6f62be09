#!/bin/sh
# Fetches the browser libraries of web/static/vendor/ from the npm registry, checks each package against vendor.sum, and
# writes the modules that the pages load. Needs npm; nothing else of the project does.
#
#   scripts/vendor-js.sh            check and write again
#   scripts/vendor-js.sh --update   take new versions: edit the list below first; rewrites vendor.sum
set -eu

packages="preact@11.2.0 htm@3.1.1"

cd "$(dirname "$0")/.."
vendor=web/static/vendor
sums=$vendor/vendor.sum
update=no
[ "${1:-}" = --update ] && update=yes

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

for package in $packages; do
	name=${package%@*}
	mkdir "$work/$name"
	(cd "$work/$name" && npm pack --silent "$package" >/dev/null)
	tarball=$(echo "$work/$name"/*.tgz)
	sum=sha512-$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)
	echo "$package $sum" >>"$work/vendor.sum"
	tar -xzf "$tarball" -C "$work/$name" --strip-components=1
done

if [ $update = yes ]; then
	cp "$work/vendor.sum" "$sums"
elif ! cmp -s "$work/vendor.sum" "$sums"; then
	echo "vendor-js: what npm sent is not what $sums says:" >&2
	diff "$sums" "$work/vendor.sum" >&2 || true
	exit 1
fi

# Browsers do not know the bare name "preact", and an import map would be an inline script, which the page's policy
# forbids: so the name is rewritten to the file beside. Source maps are not shipped.
module() {
	sed -e 's/from *"preact"/from".\/preact.mjs"/g' -e '/^\/\/# sourceMappingURL=/d' "$1" >"$2"
}
module "$work/preact/dist/preact.mjs" $vendor/preact.mjs
module "$work/preact/hooks/dist/hooks.mjs" $vendor/hooks.mjs
module "$work/htm/dist/htm.mjs" $vendor/htm.mjs
cp "$work/preact/LICENSE" $vendor/preact.LICENSE
cp "$work/htm/LICENSE" $vendor/htm.LICENSE
