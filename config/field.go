package config

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText is the longest text that a setting takes where nothing else bounds it, in characters.
const maxText = 256

// Field is one setting: a leaf of [Config].
type Field struct {
	Key  string // table and name: "limits.sockets_per_user"
	Unit string // "" where the values are words
	Doc  string // what it does, in one line

	fallback string // the default, as text
	allow    string
	secret   bool // never to be shown
	index    []int
	kind     reflect.Type
}

// Fields are all settings but those of [Lists], in the order of the struct.
func Fields() []Field {
	var fields []Field
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		table := root.Field(i)
		for j := range table.Type.NumField() {
			if leaf := table.Type.Field(j); !isList(leaf.Type) {
				fields = append(fields, newField(table.Tag.Get("key"), leaf, i, j))
			}
		}
	}
	return fields
}

func newField(table string, leaf reflect.StructField, index ...int) Field {
	return Field{
		Key:      table + "." + leaf.Tag.Get("key"),
		Unit:     leaf.Tag.Get("unit"),
		Doc:      leaf.Tag.Get("doc"),
		fallback: leaf.Tag.Get("default"),
		allow:    leaf.Tag.Get("allow"),
		secret:   leaf.Tag.Get("allow") == "secret",
		index:    index,
		kind:     leaf.Type,
	}
}

// Environment is the setting's name in the environment: "SNUG_LIMITS_SOCKETS_PER_USER".
func (f Field) Environment() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(f.Key, ".", "_"))
}

// Default is the default as it is written in the file: "\"60s\"", "100", "[]".
func (f Field) Default() string {
	v, err := f.parse(f.fallback)
	if err != nil {
		panic(fmt.Sprintf("config: the default of %s: %v", f.Key, err)) // a tag of this package is wrong: every test says so
	}
	return literal(v)
}

// Allowed says which values the setting takes, as the end of a sentence that begins with "must be".
func (f Field) Allowed() string {
	switch f.allow {
	case "address":
		return `an address with a port, such as "localhost:8000", "192.168.1.5:8000" or ":8000" (every interface)`
	case "directory":
		return `the path of a directory, such as "/var/lib/snug"`
	case "host or empty":
		return `a name such as "attic", or nothing`
	case "host:port or empty":
		return `an address that other machines can reach, such as "192.168.1.5:7846", or nothing`
	case "url or empty":
		return `an address that browsers can open, such as "http://192.168.1.5:8000/" (no IPv6 in numbers), or nothing`
	case "nodes":
		return `a list of addresses of other nodes, such as ["192.168.1.5:7846"]; without a port, 7846 is meant`
	case "true|false":
		return "true or false"
	case "hosts":
		return `a list of host names without scheme and port, such as ["attic.local"]`
	case "address or empty":
		return `an address with a port, such as ":80" (every interface), or nothing`
	case "directory url":
		return `an https address, such as "https://acme-v02.api.letsencrypt.org/directory"`
	case "rp_id or empty":
		return `a host name in lower case with a dot in it, such as "chat.example", or "localhost", or nothing`
	case "origins":
		return `a list of origins, such as ["https://chat.example:8443"]; http only for localhost`
	case "networks":
		return `a list of addresses and networks, such as ["127.0.0.1", "10.0.7.0/24"]`
	case "file":
		return `the path of a file, such as "/etc/snug/site.pem"; a relative one begins where the configuration file is`
	case "secret":
		return fmt.Sprintf("a text of at least %d bytes", minSecret)
	case "text":
		return fmt.Sprintf("a text of at most %d characters", maxText)
	}
	if low, high, ok := strings.Cut(f.allow, ".."); ok {
		if f.kind == reflect.TypeFor[time.Duration]() {
			return fmt.Sprintf("a time from %q to %q", low, high)
		}
		return fmt.Sprintf("a whole number from %s to %s", low, high)
	}
	words := strings.Split(f.allow, "|")
	for i := range words {
		words[i] = strconv.Quote(words[i])
	}
	return strings.Join(words, " or ")
}

// notAllowed is a value that a setting does not take.
type notAllowed struct {
	field Field
	value string // as the operator wrote it, or nearly
}

func (e *notAllowed) Error() string {
	example := ""
	if e.field.kind == reflect.TypeFor[time.Duration]() {
		example = ", " + someTimes
	}
	if e.field.secret {
		return "must be " + e.field.Allowed() // what it is now is nobody's business
	}
	return fmt.Sprintf("must be %s%s; it is %s", e.field.Allowed(), example, e.value)
}

// parse reads a value from text, as it stands in the environment or in a flag.
func (f Field) parse(text string) (any, error) {
	switch f.kind.Kind() {
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, &notAllowed{f, strconv.Quote(text)}
		}
		return f.check(n)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return nil, &notAllowed{f, strconv.Quote(text)}
		}
		return f.check(text == "true")
	case reflect.Slice:
		list := []any{}
		if text = strings.TrimSpace(text); strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &list) == nil {
			return f.check(list) // written as in the file
		}
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		return f.check(list)
	default:
		return f.check(text)
	}
}

// check turns a value as the file's decoder gives it into one of the field's own type.
func (f Field) check(value any) (any, error) {
	bad := &notAllowed{f, literal(value)}
	switch f.kind {
	case reflect.TypeFor[int]():
		n, ok := value.(int64)
		low, high, _ := strings.Cut(f.allow, "..")
		least, _ := strconv.ParseInt(low, 10, 64)
		most, _ := strconv.ParseInt(high, 10, 64)
		if !ok || n < least || n > most {
			return nil, bad
		}
		return int(n), nil
	case reflect.TypeFor[bool]():
		b, ok := value.(bool)
		if !ok {
			return nil, bad
		}
		return b, nil
	case reflect.TypeFor[time.Duration]():
		s, ok := value.(string)
		d, err := ParseDuration(s)
		low, high, _ := strings.Cut(f.allow, "..")
		least, _ := ParseDuration(low)
		most, _ := ParseDuration(high)
		if !ok || err != nil || d < least || d > most {
			return nil, bad
		}
		return d, nil
	case reflect.TypeFor[[]string]():
		list, ok := value.([]any)
		names := make([]string, 0, len(list))
		for _, item := range list {
			name, isText := item.(string)
			ok = ok && isText && f.takesItem(name)
			names = append(names, name)
		}
		if !ok {
			return nil, bad
		}
		return names, nil
	case reflect.TypeFor[bool]():
		yes, ok := value.(bool)
		if !ok {
			return nil, bad
		}
		return yes, nil
	default:
		s, ok := value.(string)
		if !ok || !f.takesText(s) {
			return nil, bad
		}
		return s, nil
	}
}

func (f Field) takesText(s string) bool {
	switch f.allow {
	case "address":
		return isAddress(s)
	case "address or empty":
		return s == "" || isAddress(s)
	case "directory url":
		return isDirectoryURL(s)
	case "host or empty":
		return s == "" || isHost(s)
	case "host:port or empty":
		return s == "" || isReachable(s)
	case "url or empty":
		return s == "" || isURL(s)
	case "directory", "file":
		return !strings.ContainsRune(s, 0)
	case "rp_id or empty":
		return s == "" || IsParty(s)
	case "secret":
		return s == "" || len(s) >= minSecret
	case "text":
		return utf8.RuneCountInString(s) <= maxText && !strings.ContainsFunc(s, unicode.IsControl)
	default:
		return slices.Contains(strings.Split(f.allow, "|"), s)
	}
}

// takesItem reports whether a list takes a text.
func (f Field) takesItem(s string) bool {
	switch f.allow {
	case "nodes":
		return isHost(s) || net.ParseIP(s) != nil || isReachable(s)
	case "origins":
		return isOrigin(s)
	case "networks":
		_, err := ParseNetwork(s)
		return err == nil
	}
	return isHost(s)
}

// ParseNetwork reads a network, or an address as the network that has no other.
func ParseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Masked() != p {
		err = fmt.Errorf("network %q: there is an address in it; the network is %s", s, p.Masked())
	}
	return p, err
}

// isAddress reports whether a program can listen there.
func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, errPort := strconv.ParseUint(port, 10, 16)
	known := host == "" || isHost(host) && !looksNumeric(host) || net.ParseIP(host) != nil || isZoned(host)
	return err == nil && errPort == nil && port == strconv.FormatUint(n, 10) && known
}

// looksNumeric reports whether a name ends as an IPv4 address does, such as 256.1.1.1. No host is called so.
func looksNumeric(host string) bool {
	last := host[strings.LastIndex(host, ".")+1:]
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// isReachable reports whether another machine can go there.
func isReachable(s string) bool {
	host, port, _ := net.SplitHostPort(s)
	return isAddress(s) && host != "" && port != "0" && !net.ParseIP(host).IsUnspecified()
}

// maxURL is how long the address of a node may be: what nodes say of themselves has to fit into one packet.
const maxURL = 160

// isURL reports whether browsers can be sent there from another node's page. A content security policy cannot name an IPv6 address.
func isURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURL || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#") {
		return false
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"',;<>\\`, r) }) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return (u.Scheme == "http" || u.Scheme == "https") && isHost(u.Hostname()) && u.Port() != "0" && !strings.Contains(u.Host, "[") && !ip.IsUnspecified()
}

// isZoned reports an IPv6 address that names its interface, such as fe80::1%eth0.
func isZoned(host string) bool {
	address, zone, found := strings.Cut(host, "%")
	return found && zone != "" && net.ParseIP(address) != nil
}

// isHost reports whether a name can be a host's. Letters of every script are let in: browsers send such names in their ASCII form, but a mistake
// there shows at the first visit, and is not worth a table here.
func isHost(name string) bool {
	return name != "" && len(name) <= 253 && !strings.ContainsAny(name, " \t\r\n/:@?#%\\\"'*,")
}

// literal writes a value as the file holds it.
func literal(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case time.Duration:
		return strconv.Quote(formatDuration(v))
	case []string:
		items := make([]string, len(v))
		for i := range v {
			items[i] = strconv.Quote(v[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = literal(v[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any, []map[string]any:
		return "a table"
	default:
		return fmt.Sprint(v)
	}
}
