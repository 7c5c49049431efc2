#!/bin/sh
# Checks a licence as docs/SPEC.md says. Needs a POSIX shell, its tools (awk, od, tr, sed, fold, tail),
# mktemp and OpenSSL 3; no jq. Numbers in comments are sections of docs/SPEC.md.
#
# To use it in a product, copy it, and call `check` with your own files in place of a vector's.
# shellcheck disable=SC2100  # slugs are no sums
set -uf # a token may look like the name of a file
LC_ALL=C # a character is a byte here; where characters count, awk counts them
export LC_ALL

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# 2.2 base64url. ---------------------------------------------------------------------------------

# There is one text for each sequence of bytes: the unused bits of the last character are zero.
is_base64url() { # TEXT
  case $1 in *[!A-Za-z0-9_-]*) return 1 ;; esac
  case $((${#1} % 4)):$1 in
    0:* | 2:*[AQgw] | 3:*[AEIMQUYcgkosw048]) return 0 ;;
  esac
  return 1
}

SIGNS=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_

# As from_base64url. A shell is slow at it, but starts no process.
short_from_base64url() { # TEXT
  text=$1 bits=0 left=0 bytes=
  while [ -n "$text" ]; do
    sign=${text%"${text#?}"} text=${text#?} before=
    before=${SIGNS%%"$sign"*}
    bits=$((bits % 256 * 64 + ${#before})) left=$((left + 6))
    [ $left -ge 8 ] || continue
    left=$((left - 8))
    byte=$(((bits >> left) % 256))
    bytes=$bytes\\$((byte / 64))$((byte / 8 % 8))$((byte % 8))
  done
  # shellcheck disable=SC2059  # of octal escapes alone
  printf "$bytes"
}

from_base64url() { # TEXT: its bytes, on standard output
  pad=$(((4 - ${#1} % 4) % 4))
  printf '%s%.*s\n' "$1" "$pad" == | tr -- '-_' '+/' | openssl base64 -d -A
}

# The bytes and the digests of awk are hexadecimal digits.
# shellcheck disable=SC2016
BASE64='
function to64(hex,   out, i, n) {
  for (i = 1; i <= length(hex); i += 6) {
    n = number(substr(substr(hex, i, 6) "0000", 1, 6))
    out = out sign[int(n / 262144)] sign[int(n / 4096) % 64] sign[int(n / 64) % 64] sign[n % 64]
  }
  return substr(out, 1, int((length(hex) * 2 + 2) / 3))
}
function from64(text,   out, i, n) {
  for (i = 1; i <= length(text); i += 4) {
    n = place(text, i) * 262144 + place(text, i + 1) * 4096 + place(text, i + 2) * 64 + place(text, i + 3)
    out = out sprintf("%06x", n)
  }
  return substr(out, 1, int(length(text) * 3 / 4) * 2)
}
function place(text, i) { return i > length(text) ? 0 : index(SIGNS, substr(text, i, 1)) - 1 }
function number(hex,   i, n) {
  for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
  return n
}
function hex_of(text,   out, i) {
  for (i = 1; i <= length(text); i++) out = out sprintf("%02x", code[substr(text, i, 1)])
  return out
}
function is_32_bytes(text) { return length(text) == 43 && text ~ /^[A-Za-z0-9_-]*[AEIMQUYcgkosw048]$/ }
BEGIN {
  SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
  for (i = 0; i < 64; i++) sign[i] = substr(SIGNS, i + 1, 1)
  for (i = 32; i < 127; i++) code[sprintf("%c", i)] = i
}
'

sha256() { openssl dgst -sha256 -r; } # in hexadecimal digits, and more behind a space

hexadecimal() { od -An -v -tx1 | tr -d ' \n'; }

# 2.3 JSON. --------------------------------------------------------------------------------------

# Prints a line for each value: PATH TYPE LENGTH VALUE. A path is of names after slashes; a type is
# o(bject), a(rray), s(tring), i(nteger), n(umber that is none) or w(ord); a length is of characters,
# or of items. In names and strings whatever is not plain is written as printf %b takes it: \0ooo.
# shellcheck disable=SC2016  # a program of awk
JSON='
function fail() { exit 1 }
function space() { while (substr(text, at, 1) ~ /^[ \t\r\n]$/) at++ }
function taken(sign) { space(); if (substr(text, at, 1) != sign) return 0; at++; return 1 }
function matched(pattern) {
  if (!match(substr(text, at), pattern)) return ""
  at += RLENGTH
  return substr(text, at - RLENGTH, RLENGTH)
}
function put(path, sort, length_of, what) {
  path = path "/"
  print path, sort, length_of, what
  type[path] = sort; size[path] = length_of; value[path] = what
}
function plain(raw, also,   out, i, c) {
  if (raw !~ also) return raw
  for (i = 1; i <= length(raw); i++) {
    c = substr(raw, i, 1)
    out = out (c ~ also ? sprintf("\\0%03o", code[c]) : c)
  }
  return out
}
function characters(raw) { gsub(/[\200-\277]/, "", raw); return length(raw) }
function unit(digits,   i, n) {
  for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
  return n
}
function utf8(n) {
  if (n < 128) return n ? char[n] : "\377"  # a zero byte, which awk cannot hold: FF is in no UTF-8
  if (n < 2048) return char[192 + int(n / 64)] char[128 + n % 64]
  if (n < 65536) return char[224 + int(n / 4096)] char[128 + int(n / 64) % 64] char[128 + n % 64]
  return char[240 + int(n / 262144)] char[128 + int(n / 4096) % 64] char[128 + int(n / 64) % 64] char[128 + n % 64]
}
function string(   raw, out, c, n, m) {
  space()
  raw = matched("^\"[^\"\\\\\001-\037]*\"")  # mawk needs 100 bytes of memory for each choice below
  if (raw == "") raw = matched("^\"([^\"\\\\\001-\037]|\\\\[^\001-\037])*\"")
  if (raw == "") fail()
  raw = substr(raw, 2, length(raw) - 2)
  while ((n = index(raw, "\\")) > 0) {
    out = out substr(raw, 1, n - 1)
    c = substr(raw, n + 1, 1)
    raw = substr(raw, n + 2)
    if (c != "u") {
      n = index("\"\\/bfnrt", c)
      if (!n) fail()
      out = out substr("\"\\/\b\f\n\r\t", n, 1)
      continue
    }
    if (raw !~ /^[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]/) fail()
    n = unit(raw); raw = substr(raw, 5)
    if (n >= 56320 && n < 57344) fail()
    if (n >= 55296 && n < 56320) {
      if (raw !~ /^\\u[dD][c-fC-F][0-9a-fA-F][0-9a-fA-F]/) fail()
      m = unit(substr(raw, 3)); raw = substr(raw, 7)
      n = 65536 + (n - 55296) * 1024 + m - 56320
    }
    out = out utf8(n)
  }
  return out raw
}
function read(path, depth,   first, name, n) {
  space()
  first = substr(text, at, 1)
  if (first ~ /^[{[]$/ && depth > 8) fail()
  if (taken("{")) {
    if (!taken("}")) {
      do {
        name = path "/" plain(string(), "[^!-.0-[^-~]|]")
        if (name in seen || !taken(":")) fail()
        seen[name] = 1
        read(name, depth + 1)
        n++
      } while (taken(","))
      if (!taken("}")) fail()
    }
    put(path, "o", n + 0, "")
  } else if (taken("[")) {
    if (!taken("]")) {
      do read(path "/" n++, depth + 1); while (taken(","))
      if (!taken("]")) fail()
    }
    put(path, "a", n + 0, "")
  } else if (first == "\"") {
    name = string()
    put(path, "s", characters(name), plain(name, "[^!-[^-~]|]"))
  } else if ((n = matched("^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?")) != "") {
    if (n ~ /^-?[0-9]+$/ && length(n) - (n ~ /^-/) > 4300) fail()
    if (n == "-0") n = "0"
    put(path, n ~ /^[0-9]+$/ && length(n) <= 16 && n + 0 <= 9007199254740991 ? "i" : "n", 0, n)
  } else {
    n = matched("^(true|false|null)")
    if (n == "") fail()
    put(path, "w", 0, n)
  }
}
# The bytes of base64url; a zero byte is as little JSON as another control.
function bytes64(signs,   out, part, i, n) {
  for (i = 1; i <= 64; i++) six[substr(SIGNS, i, 1)] = i - 1
  char[0] = char[1]
  for (i = 1; i <= length(signs); i += 4) {
    n = six[substr(signs, i, 1)] * 262144 + six[substr(signs, i + 1, 1)] * 4096
    n += six[substr(signs, i + 2, 1)] * 64 + six[substr(signs, i + 3, 1)]
    part = part char[int(n / 65536)] char[int(n / 256) % 256] char[n % 256]
    if (i % 2048 == 1) { out = out part; part = "" }
  }
  return substr(out part, 1, int(length(signs) * 3 / 4))
}
BEGIN {
  for (n = 1; n < 256; n++) { char[n] = sprintf("%c", n); code[char[n]] = n }
  while ((getline line) > 0) text = text line "\n"
  if (payload) text = bytes64(substr(text, 1, length(text) - 1))
  code["\377"] = 0
  rest = text
  gsub(/[\302-\337][\200-\277]|\340[\240-\277][\200-\277]|[\341-\354\356\357][\200-\277][\200-\277]/, "?", rest)
  gsub(/\355[\200-\237][\200-\277]|\360[\220-\277][\200-\277][\200-\277]/, "?", rest)
  gsub(/[\361-\363][\200-\277][\200-\277][\200-\277]|\364[\200-\217][\200-\277][\200-\277]/, "?", rest)
  if (rest ~ /[\200-\377]/) fail()
  at = 1
  read("", 1)
  space()
  if (at <= length(text)) fail()
  if ((n = failing(members)) > 0) exit n
}'

# Prints a line for each value of a JSON text on standard input. Fails for what is none, and where a
# member is not of its type; the exit code counts which object of MEMBERS fails first.
parse() { # MEMBERS
  awk -v members="$1" "$BASE64$TYPES$JSON"
}

parse_payload() { # PAYLOAD MEMBERS: likewise, of a text in base64url
  printf '%s\n' "$1" | awk -v payload=1 -v members="$2" "$BASE64$TYPES$JSON"
}

# Whether members are of their types: `name:type`, or `name?type` where it may be absent, behind the
# path of the object; there may be several.
# shellcheck disable=SC2016
TYPES='
function is_name(value) { return length(value) <= 64 && value ~ /^[A-Za-z0-9][A-Za-z0-9._:-]*$/ }
function is_digits(value, count) { return length(value) == count && value ~ /^[0-9a-f]*$/ }
function tagged(   profile) {  # of which components there may be tags, for the profile at hand
  profile = value[("/host/profile/" in type) ? "/host/profile/" : "/profile/"]
  if (profile == "hk1-cluster") return "^cluster_uid$"
  return profile == "hk1-site" ? "^(site|roster)$" : "^(hostname|ip|machine_id|container_id)$"
}
function children(path, item,   other, name, n) {
  for (other in type) if (other != path && index(other, path) == 1) {
    name = substr(other, length(path) + 1)
    sub(/\/$/, "", name)
    if (index(name, "/")) return 0
    if (item == "name" && (type[other] != "s" || !is_name(value[other]) || (path, value[other]) in once)) return 0
    once[path, value[other]] = 1
    if (item == "number" && (type[other] != "i" || !is_name(name))) return 0
    if (item == "tag" && (name !~ tagged() || type[other] != "s" || !is_digits(value[other], 16))) return 0
  }
  return 1
}
function fits(path, want,   t, v) {
  t = type[path]; v = value[path]
  if (want == "string") return t == "s"
  if (want == "text") return t == "s" && size[path] >= 1 && size[path] <= 200
  if (want == "integer") return t == "i"
  if (want == "positive") return t == "i" && v + 0 >= 1
  if (want == "instant") return t == "i" && v + 0 <= 253402300799
  if (want == "object") return t == "o"
  if (want == "filled") return t == "a" && size[path] > 0
  if (want == "prefix") return t == "s" && v != "" && length(v) <= 24 && is_digits(v, length(v))
  if (want == "tag") return t == "s" && is_digits(v, 16)
  if (want == "digest") return t == "s" && length(v) == 43 && v ~ /^[A-Za-z0-9_-]*[AEIMQUYcgkosw048]$/
  if (want == "key") return t == "s" && is_digits(v, 40)
  if (want == "names") return t == "a" && children(path, "name")
  if (want == "numbers") return t == "o" && children(path, "number")
  if (want == "tags") return t == "o" && children(path, "tag")
  return t == "s" && index("|" want "|", "|" v "|") && v != ""
}
function failing(members,   member, n, i, at, path, count) {
  n = split(members, member, " ")
  for (i = 1; i <= n; i++) {
    if (member[i] ~ /^\//) {
      at = member[i]
      count++
      if (type[at] != "o") return count
      continue
    }
    match(member[i], /[:?]/)
    path = at substr(member[i], 1, RSTART - 1) "/"
    if (!(path in type) && substr(member[i], RSTART, 1) == "?") continue
    if (!(path in type) || !fits(path, substr(member[i], RSTART + 1))) return count
  }
  return 0
}
'

# Sets $value to what FILE says at PATH, encoded as above; fails where nothing is there, or null.
member() { # FILE PATH
  while read -r path type _ value; do
    [ "$path" != "$2" ] || { [ "$type" != w ] || [ "$value" != null ]; } && [ "$path" = "$2" ] && return
  done <"$1"
  value=
  return 1
}

# 3.2 to 3.4 Host: $host is a file of parsed JSON. -----------------------------------------------

components_of() { # PROFILE
  case $1 in
    hk1) echo 'hostname ip machine_id container_id' ;;
    hk1-host) echo 'hostname ip machine_id' ;;
    hk1-cluster) echo cluster_uid ;;
    hk1-site) echo 'site roster' ;;
  esac
}

# A value under PROFILE, decoded; empty where it is missing or left out.
component() { # NAME PROFILE
  value=
  case " $(components_of "$2") " in *" $1 "*) member "$host" "/$1/" ;; esac
  [ "$1" != ip ] || value=${former:-$value}
  [ "$1" != roster ] || value=${roster:-$value}
  case $value in *\\*)
    value=$(printf '%b.' "$value")
    value=${value%.}
    ;;
  esac
}

# Sets $value to a text; fails where there is none, or an empty one.
text_of_host() { member "$host" "/$1/" && [ -n "$value" ]; } # NAME

# Sets $key; fails with $why.
host_key() { # PROFILE
  component machine_id hk1
  machine=$value
  component container_id hk1
  container=$value
  case $1 in
    hk1-cluster)
      why=host-cluster-unknown
      text_of_host engine && [ "$value" = kubernetes ] && text_of_host cluster_uid || return 1
      ;;
    hk1-site)
      why=host-site-unknown
      text_of_host site || return 1
      has_own_machine_id && ! is_of_image || return 1
      why=host-not-in-site
      place_on_roster || return 1
      ;;
    hk1-host) has_own_machine_id || return 1 ;;
    *)
      why=host-unidentifiable
      [ -n "$container" ] || machine_id_counts || return 1
      ;;
  esac
  hash_host "$1"
}

has_own_machine_id() {
  why=host-machine-id-not-bound
  [ -n "$machine" ] || return 1
  ! text_of_host engine || is_bound
}

is_of_image() { member "$host" /machine_id_of_image/ && [ "$value" = true ]; }

# 3.9 Sets $place to the place of the machine on the roster of its site, from 0 on, and $tags to that.
place_on_roster() {
  component site hk1-site
  anchor=$value
  own=$(anchored_tag machine_id "$machine")
  component roster hk1-site
  tags=$(printf '%s' "$value" | tr , ' ')
  place=0
  for tag in $tags; do
    [ "$tag" != "$own" ] || return 0
    place=$((place + 1))
  done
  return 1
}

# 3.9 Sets $count to how many machines the site had when it had this key; fails where it never had.
size_of_site() { # KEY
  place_on_roster
  count=0
  for tag in $tags; do
    roster=$roster${roster:+,}$tag
    count=$((count + 1))
    hash_host hk1-site
    [ "$key" != "$1" ] || break
  done
  roster=
  [ "$key" = "$1" ]
}

# Sets $key to the hash of the components.
hash_host() { # PROFILE
  key=$({
    printf '%s\n' "$1"
    for name in $(components_of "$1"); do
      component "$name" "$1"
      if [ -n "$value" ]; then printf '%s=%d:%s\n' "$name" ${#value} "$value"; else printf '%s=!missing\n' "$name"; fi
    done
  } | sha256)
  key=${key%????????????????????????[ ]*}
}

is_bound() { member "$host" /machine_id_bound/ && [ "$value" = true ]; }

is_unknown() { member "$host" /engine/ && [ "$value" = unknown ]; }

# Not where it may be that of an unknown engine's image.
machine_id_counts() { [ -n "$machine" ] && { ! is_unknown || is_bound; }; }

is_copyable() { # PROFILE
  if ! text_of_host engine; then
    member "$host" /machine_id_of_image/ && [ "$value" = true ]
    return
  fi
  component container_id "$1"
  [ -z "$value" ] || return 1
  ! is_bound || { [ "$1" = hk1 ] && is_unknown; }
}

# 3.7 The host as version 1 of section 3 saw it, for a licence that was issued then: sets $host.
VERSION_2=1795910400
as_issued() { # IAT
  [ "$1" -lt $VERSION_2 ] || return 0
  cp "$host" "$work/as-issued"
  host=$work/as-issued
  if member "$host" /once_bare/ && [ "$value" = true ]; then
    grep -v '^/engine/ \|^/container_id/ ' "$host" >"$work/once"
    mv "$work/once" "$host"
  fi
  sed '/^\/machine_id_of_image\//d' "$host" >"$work/once"
  mv "$work/once" "$host"
  if member "$host" /once_bound/ && [ "$value" = true ]; then
    sed '/^\/machine_id_bound\//d; s,^/once_bound/,/machine_id_bound/,' "$host" >"$work/once"
    mv "$work/once" "$host"
  fi
}

# Sets $tag_hostname, $tag_ip, $tag_machine_id and so on, each perhaps empty.
# shellcheck disable=SC2034  # compare_tags and answer_host read them by name
host_tags() { # PROFILE
  tag_hostname='' tag_ip=''
  for name in cluster_uid site roster; do
    component "$name" "$1"
    eval "tag_$name=\$(id_tag $name \"\$value\")"
  done
  component machine_id "$1"
  machine=$value
  component container_id "$1"
  container=$value
  tag_machine_id=$(id_tag machine_id "$machine")
  tag_container_id=$(id_tag container_id "$container")
  is_copyable "$1" && return
  set_anchor
  component hostname "$1"
  tag_hostname=$(anchored_tag hostname "$value")
  component ip "$1"
  tag_ip=$(anchored_tag ip "$value")
}

set_anchor() {
  anchor=$(printf 'hostseal anchor\n%s\n%s' "$machine" "$container" | sha256)
  anchor=${anchor%% *}
}

# 7.2 Whether only the layer tells this container from the licensed one.
is_of_other_layer() { # FILE PROFILE
  member "$1" /host/layer/ || return 1
  licensed=$value
  text_of_host layer || return 1
  layer=$(printf '%b.' "$value")
  layer=${layer%.}
  component machine_id "$2"
  machine=$value
  component container_id "$2"
  container=$value
  [ -n "$container" ] || return 1
  set_anchor
  [ "$(anchored_tag layer "$layer")" != "$licensed" ]
}

id_tag() { # NAME VALUE
  [ -z "$2" ] || printf '%s\n%s' "$1" "$2" | sha256 | { read -r digest && printf '%.16s' "$digest"; }
}

anchored_tag() { # NAME VALUE
  [ -z "$2" ] || printf '%s\n%s' "$1" "$2" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$anchor" -r | { read -r digest && printf '%.16s' "$digest"; }
}

# The components of which the licence in FILE has another tag: sets $differing.
compare_tags() { # FILE NAMES
  differing=
  for name in $2; do
    member "$1" "/host/tags/$name/"
    eval "present=\$tag_$name"
    # shellcheck disable=SC2154  # of the line before
    [ "$value" = "$present" ] || differing="$differing $name"
  done
}

matches_anchors() { # FILE PROFILE
  ! is_copyable "$2" && { member "$1" /host/tags/machine_id/ || member "$1" /host/tags/container_id/; } &&
    compare_tags "$1" 'machine_id container_id' && [ -z "$differing" ]
}

# 9.2 Why the key differs: sets $details. Another profile, or the tags; under another anchor, nothing.
explain() { # FILE PROFILE
  details='' differing=''
  member "$1" /host/key/ && licensed=$value
  for other in hk1 hk1-host hk1-cluster hk1-site; do
    if [ "$other" != "$2" ] && host_key "$other" && [ "$key" = "$licensed" ]; then
      details=profile-differs
      return
    fi
  done
  case $2 in
    hk1-cluster) grep -q '^/host/tags/.*/ ' "$1" || differing=cluster_uid ;;
    hk1-site) ! size_of_site "$licensed" || details=machine-added-later ;;
  esac
  if [ -n "$details$differing" ]; then
    :
  elif [ "$2" = hk1-cluster ] || [ "$2" = hk1-site ]; then
    ! grep -q '^/host/tags/.*/ ' "$1" || compare_tags "$1" "$(components_of "$2")"
    differing=${differing# }
    differing=${differing%% *}
  elif grep -q '^/host/tags/.*/ ' "$1"; then
    compare_tags "$1" 'machine_id container_id'
    [ -n "$differing" ] || is_copyable "$2" || compare_tags "$1" 'hostname ip'
  fi
  for name in $differing; do details="$details $name-differs"; done
  details=$(printf '%s' "${details:-change-unknown}" | tr _ -)
}

# 4.3 What mail does, and how it is undone. ------------------------------------------------------

# Prints a line `LABEL +TOKEN` for each block, the label without LICENSE, or `-`. What is read are the
# bytes of a file in hexadecimal digits, or, where there is `ascii`, the file itself; a file that is
# `pasted` is UTF-8. A zero byte is FF in a text, since awk cannot hold one and FF is in no UTF-8.
# shellcheck disable=SC2016
LARGEST_FILE=65536
# shellcheck disable=SC2016
ARMOUR='
function put(bytes) {
  part = part bytes
  if (length(part) > 2048) flush()
}
function flush() { text = text part; part = "" }
function bad() {
  if (left || lead) put("\357\277\275")
  left = lead = 0
}
function octet(n) {  # of UTF-8: what is none becomes U+FFFD
  if (left && n >= low && n <= high) {
    pending = pending char[n]; low = 128; high = 191
    if (!--left) put(pending)
    return
  }
  bad()
  if (n < 128) put(n ? char[n] : "\377")
  else if (n < 194 || n > 244) put("\357\277\275")
  else {
    pending = char[n]
    left = n < 224 ? 1 : n < 240 ? 2 : 3
    low = n == 224 ? 160 : n == 240 ? 144 : 128
    high = n == 237 ? 159 : n == 244 ? 143 : 191
  }
}
function unit(n) {  # of UTF-16, likewise
  if (lead && n >= 56320 && n < 57344) {
    n = 65536 + (lead - 55296) * 1024 + n - 56320
    lead = 0
    put(char[240 + int(n / 262144)] char[128 + int(n / 4096) % 64] char[128 + int(n / 64) % 64] char[128 + n % 64])
    return
  }
  bad()
  if (n >= 55296 && n < 56320) lead = n
  else if (n >= 56320 && n < 57344) put("\357\277\275")
  else if (n < 128) put(n ? char[n] : "\377")
  else if (n < 2048) put(char[192 + int(n / 64)] char[128 + n % 64])
  else put(char[224 + int(n / 4096)] char[128 + int(n / 64) % 64] char[128 + n % 64])
}
function decode(   line, n, i, hex, byte, zeros, first, odd) {  # step 1
  while ((getline line) > 0) {
    n = split(line, hex, " ")
    for (i = 1; i <= n; i++) { zeros[length_of % 2] += hex[i] == "00"; byte[length_of++] = value[hex[i]] }
  }
  first = byte[0] * 256 + byte[1]
  if (pasted || first != 65534 && first != 65279 && zeros[0] * 8 <= length_of && zeros[1] * 8 <= length_of) {
    for (i = 0; i < length_of; i++) octet(byte[i])
  } else {
    odd = first == 65279 ? 1 : first == 65534 ? 0 : zeros[0] > zeros[1]
    for (i = 0; i + 1 < length_of; i += 2) unit(odd ? byte[i] * 256 + byte[i + 1] : byte[i + 1] * 256 + byte[i])
    if (length_of % 2) { bad(); put("\357\277\275") }
  }
  bad()
  flush()
}
function white() {
  gsub(/\302[\205\240]|\341\232\200|\342\200[\200-\212\250\251\257]|\342\201\237|\343\200\200/, " ", text)
}
function pair(   rest, found, label, begun, token) {
  white()
  count = 0; begun = ""; clean = 1; rest = text
  while (match(rest, marker)) {
    found = substr(rest, RSTART, RLENGTH)
    token = substr(rest, 1, RSTART - 1)
    rest = substr(rest, RSTART + RLENGTH)
    gsub(/[\t-\r\034-\037 ]+/, " ", found)
    gsub("^( |" dash ")*|( |" dash ")*$", "", found)
    label = found
    sub(/^(BEGIN|END) LICENSE ?/, "", label)
    if (found ~ /^BEGIN/) {
      if (begun) return 0
      begun = found
    } else {
      if (begun != "BEGIN" substr(found, 4)) return 0
      gsub(/[\t-\r\034-\037 ]/, "", token)
      gsub(/(\357\277\275)+/, "\357\277\275", token)
      if (token ~ /[^A-Za-z0-9._-]/) clean = 0
      block[++count] = (label == "" ? "-" : label) " +" token
      begun = ""
    }
  }
  return begun == ""
}
function mend(   rest, run, i) {
  rest = text
  gsub(/=[ \t]*(\r\n|\r|\n)/, "", rest)
  text = ""
  while (match(rest, /(=[0-9A-Fa-f][0-9A-Fa-f])+/)) {
    put(substr(rest, 1, RSTART - 1))
    run = tolower(substr(rest, RSTART, RLENGTH))
    rest = substr(rest, RSTART + RLENGTH)
    for (i = 2; i < length(run); i += 3) octet(value[substr(run, i, 2)])
    bad()
  }
  put(rest)
  flush()
  gsub(/[>|]/, " ", text)
  gsub(/\302\255|\342\200[\213-\217\252-\256]|\342\201[\240-\251]|\357\273\277|\377/, "", text)
  gsub(/\342\200[\220-\223]|\342\210\222|\357\271[\230\243]|\357\274\215/, "-", text)
}
BEGIN {
  for (i = 0; i < 256; i++) { value[sprintf("%02x", i)] = i; char[i] = sprintf("%c", i) }
  dash = "(-|\342\200[\220-\225]|\342\210\222|\357\271[\230\243]|\357\274\215)"
  dashes = dash "(" dash "(" dash "(" dash "(" dash ")?)?)?)?"  # 1 to 5; mawk is wrong about (-)?(-)?
  w = "[\t-\r\034-\037 ]"
  marker = dashes w "*(BEGIN|END)" w "+LICENSE(" w "+[A-Z]+)?" w "*" dashes
  if (ascii) { RS = "\377"; getline text; length_of = length(text) } else decode()
  source = text
  whole = pair()
  if (length_of <= 1048576 && (!whole || !count || !clean)) {
    text = source
    mend()
    whole = pair()
  }
  if (most && length_of > most) exit 2
  if (!whole) exit 1
  for (i = 1; i <= count; i++) print block[i]
}'

blocks_of_license() { od -An -v -tx1 -N $((LARGEST_FILE + 1)) "$1" | awk -v most=$LARGEST_FILE "$ARMOUR"; } # FILE

blocks() { # FILE
  if [ "$(wc -c <"$1")" -gt $LARGEST_FILE ] && [ -z "$(tr -d '\001-\177' <"$1" | od -An -N1)" ]; then
    awk -v ascii=1 "$ARMOUR" <"$1"
  else
    od -An -v -tx1 "$1" | awk "$ARMOUR"
  fi
}

# The tokens of a label; fails where there is none. Sets $tokens, one a line, each behind a plus sign: a
# token may be empty.
tokens_of() { # LABEL FILES-OF-BLOCKS...
  tokens='' wanted=$1
  shift
  for file; do
    while read -r label token; do
      [ "$label" != "$wanted" ] || tokens="$tokens$token
"
    done <"$file"
  done
  [ -n "$tokens" ]
}

EM=$(printf '\342\200\224') BAR=$(printf '\342\200\225')

# Step 6: READER reads the first reading of TOKEN, or the second.
first_reading() { # +TOKEN READER ARGUMENTS...
  token=${1#+} reader=$2
  shift 2
  case $token in
    *"$EM"* | *"$BAR"*)
      "$reader" "$(printf '%s\n' "$token" | sed "s/$EM/-/g; s/$BAR/-/g")" "$@" ||
        "$reader" "$(printf '%s\n' "$token" | sed "s/$EM/--/g; s/$BAR/--/g")" "$@"
      ;;
    *) "$reader" "$token" "$@" ;;
  esac
}

# 5.1 Token; 6.1 and 6.2 keys. A file of keys has lines `TYPE HEADER KID X`: the header is what a key
# writes before the payload of a token of that type; x is in base64 as others write it.

# Sets $digest, in hexadecimal digits, of a key.
thumbprint() { # X
  if [ -f "$work/digest-$1" ]; then
    read -r digest <"$work/digest-$1"
  else
    digest=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$1" | sha256)
    digest=${digest%% *}
    echo "$digest" >"$work/digest-$1"
  fi
}

FF=ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
ZERO=000000000000000000000000000000000000000000000000000000000000
ORDER8A=26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc
ORDER8B=c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03

is_key() { # HEXADECIMAL-DIGITS: of a point that may be a key
  case $1 in
    e[d-f]"$FF"[7f]f | f?"$FF"[7f]f) return 1 ;; # y is not below the field
    0[01]"$ZERO"[08]0 | ec"$FF"[7f]f | "$ORDER8A"[08]5 | "$ORDER8B"[7f]a) return 1 ;;
  esac
}

verifies() { # X-IN-STANDARD-BASE64 SIGNATURE FILE-THAT-WAS-SIGNED
  # The 12 bytes before the key are 16 characters, so the file of the key is a matter of text.
  printf -- '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%s=\n-----END PUBLIC KEY-----\n' "$1" >"$work/key.pem"
  short_from_base64url "$2" >"$work/signature"
  openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$3" -sigfile "$work/signature" >"$work/said" 2>&1
}

OF_ROOTS='license-keyset+jwt license-roots+jwt'
OF_KEYSET='license+jwt license-revocations+jwt'

# shellcheck disable=SC2016
HEADERS='
function put_headers(kid, x, types, file,   n, i, of) {
  gsub(/-/, "+", x)
  gsub(/_/, "/", x)
  n = split(types, of, " ")
  for (i = 1; i <= n; i++)
    print of[i], to64(hex_of("{\"alg\":\"Ed25519\",\"kid\":\"" kid "\",\"typ\":\"" of[i] "\"}")), kid, x >file
}
'

# shellcheck disable=SC2016
IS_DAMAGED='
BEGIN { header = ENVIRON["header"]; least = 5 }
$1 == type {
  shorter = length(header); longer = length($2)
  if (shorter > longer) { longer = shorter; shorter = length($2) }
  for (front = 0; front < shorter; front++)
    if (substr(header, front + 1, 1) != substr($2, front + 1, 1)) break
  for (back = 0; back < shorter - front; back++)
    if (substr(header, length(header) - back, 1) != substr($2, length($2) - back, 1)) break
  if (longer - front - back < least) least = longer - front - back
}
END { exit least > 4 }'

is_damaged() { # HEADER TYPE FILE-OF-KEYS: that of a key, but for one place of at most 4 bytes
  header=$1 awk -v type="$2" "$IS_DAMAGED" "$3"
}

# Sets $kid and $payload, in base64url, of a token; fails with $why.
open_token() { # TOKEN TYPE FILE-OF-KEYS
  why=license-damaged
  case $1 in *.*.*.*) return 1 ;; *.*.*) ;; *) return 1 ;; esac
  header=${1%%.*} signature=${1##*.} payload=${1#*.}
  payload=${payload%.*}
  [ ${#signature} -eq 86 ] && is_base64url "$payload" && is_base64url "$signature" || return 1
  why=signing-key-unknown
  while read -r type expected kid x; do
    [ "$header" = "$expected" ] && [ "$type" = "$2" ] || continue
    why=signature-invalid
    printf '%s' "$header.$payload" >"$work/signed"
    verifies "$x" "$signature" "$work/signed"
    return
  done <"$3"
  ! is_damaged "$header" "$2" "$3" || why=license-damaged
  return 1
}

# 6.2 Adds the key of a file *.pub.pem to $work/roots.
trust() { # PEM
  x=$(sed -e '/-----/d' "$1" | tr -d '\r\n\t =' | tr -- '+/' '-_')
  case $x in MCowBQYDK2VwAyEA*) x=${x#MCowBQYDK2VwAyEA} ;; *) return 1 ;; esac
  trust_key "$x"
}

# shellcheck disable=SC2016
TO_HEX='BEGIN { if (!is_32_bytes(x)) exit 1; print from64(x) }'
# shellcheck disable=SC2016
A_ROOT='BEGIN { put_headers(to64(digest), x, types, "/dev/stdout") }'

# Sets $kid; fails for what is no key. $work/key-X has the lines of X for a file of root keys.
key_of() { # X
  is_base64url "$1" || return 1
  if [ ! -f "$work/key-$1" ]; then
    hex=$(awk -v x="$1" "$BASE64$TO_HEX") && is_key "$hex" || return 1
    thumbprint "$1"
    awk -v digest="$digest" -v x="$1" -v types="$OF_ROOTS" "$BASE64$HEADERS$A_ROOT" >"$work/key-$1"
  fi
  read -r _ _ kid _ <"$work/key-$1"
}

trust_key() { # X
  key_of "$1" && while read -r key; do echo "$key"; done <"$work/key-$1" >>"$work/roots"
}

# 6.2 Writes a line `COUNT PAYLOAD` for each payload, in base64url, that keys signed in tokens, in
# their order: the count is of different keys. Where there is none, $why is of the last token.
signed_by() { # TOKENS TYPE FILE-OF-KEYS FILE
  opened=
  for token in $1; do
    ! first_reading "$token" open_token "$2" "$3" || opened="$opened$kid $payload
"
  done
  # shellcheck disable=SC2086  # neither has white space
  set -- "$4" $opened
  case $# in
    1) : >"$1" ;;
    3) printf '1 %s\n' "$3" >"$1" ;;
    *)
      printf '%s' "$opened" | awk '!(($1, $2) in once) { once[$1, $2]; if (!count[$2]++) text[++n] = $2 }
        END { for (i = 1; i <= n; i++) print count[text[i]], text[i] }' >"$1"
      ;;
  esac
}

# 6.1 Keyset. ------------------------------------------------------------------------------------

KEYSET='/ iss:text version:positive iat:instant exp?instant keys:filled'
KEY='kty:OKP crv:Ed25519 x:string kid:string alg:Ed25519 nbf:instant exp:instant
  state:active|retired|revoked products?names'

# Writes the keys, those that are not revoked (a root has no state), and a line `X HEX-OF-KID HEX-OF-X`
# for each.
# shellcheck disable=SC2016
KEYS='BEGIN {
  for (at = 0; (path = "/keys/" at "/") in type; at++) {
    x = value[path "x/"]; kid = value[path "kid/"]
    if (failing(path " " of_a_key) || !is_32_bytes(x) || !is_32_bytes(kid) || x in twice) exit 1
    twice[x]
    print x, from64(kid), from64(x) >(file ".each")
    put_headers(kid, x, types, file ".keys")
    if (value[path "state/"] != "revoked") put_headers(kid, x, types, file ".trusted")
  }
}'

# Reads a document of keys, a keyset or roots, to FILE, its keys to FILE.keys (all) and FILE.trusted
# (not revoked); sets $version, and $at to the count of the keys.
read_keys() { # PAYLOAD FILE MEMBERS MEMBERS-OF-A-KEY TYPES-OF-TOKENS
  : >"$2.trusted"
  printf '%s\n' "$1" | awk -v payload=1 -v members="$3" -v of_a_key="$4" -v types="$5" -v file="$2" \
    "$BASE64$TYPES$JSON$HEADERS$KEYS" >"$2" || return 1
  at=0
  while read -r x hex_of_kid hex; do
    is_key "$hex" || return 1
    thumbprint "$x"
    [ "$digest" = "$hex_of_kid" ] || return 1
    at=$((at + 1))
  done <"$2.each"
  member "$2" /version/
  version=$value
}

is_there() { # FILE PATH: as member, and null counts; $value stays
  while read -r path _; do [ "$path" != "$2" ] || return 0; done <"$1"
  return 1
}

# 6.4 Sets $keyset to the file of the keyset that counts, beside which its keys are: at least $threshold
# of $trusted signed it. Sets $best to its version; fails with $why.
choose_keyset() { # TOKENS
  why=keyset-missing
  [ -n "$1" ] || return 1
  signed_by "$1" license-keyset+jwt "$trusted" "$work/signed"
  if [ ! -s "$work/signed" ]; then
    [ "$why" = license-damaged ] || why=keyset-untrusted
    return 1
  fi
  best=0 why=keyset-untrusted candidate=$work/candidate-
  while read -r count body; do
    [ "$count" -ge "$threshold" ] || continue
    candidate=${candidate}x
    if ! read_keys "$body" "$candidate" "$KEYSET" "$KEY" "$OF_KEYSET"; then
      why=keyset-invalid
    elif [ "$version" -gt "$best" ]; then
      best=$version keyset=$candidate
    fi
  done <"$work/signed"
  [ "$best" -gt 0 ]
}

# 6.3 Roots. -------------------------------------------------------------------------------------

ROOTS='/ iss:text version:positive iat:instant threshold:positive keys:filled'
ROOT='kty:OKP crv:Ed25519 x:string kid:string alg:Ed25519'

# 6.4 Goes from $trusted, $threshold and $roots, the version, to the last ones; fails with $why.
follow_roots() { # TOKENS
  while [ -n "$1" ]; do
    found='' later=''
    signed_by "$1" license-roots+jwt "$trusted" "$work/signed"
    why=roots-invalid
    while read -r count body; do
      [ "$count" -ge "$threshold" ] || continue
      next=$work/roots-$((roots + 1))
      read_keys "$body" "$next" "$ROOTS" "$ROOT" "$OF_ROOTS" && member "$next" /threshold/ &&
        [ "$value" -le "$at" ] || return 1
      [ "$version" -le $((roots + 1)) ] || later=yes
      [ "$version" -eq $((roots + 1)) ] || continue
      found=$value
      signed_by "$1" license-roots+jwt "$next.keys" "$work/own"
      why=roots-invalid
      count=$(awk -v body="$body" '$2 "" == body "" { print $1 }' "$work/own")
      [ "${count:-0}" -ge "$found" ] || return 1
      break
    done <"$work/signed"
    if [ -z "$found" ]; then
      why=roots-skipped
      [ -z "$later" ]
      return
    fi
    roots=$version threshold=$found trusted=$next.keys
  done
}

# 8 Revocations. ---------------------------------------------------------------------------------

# Notes problems, and the `iat` of each list that could be opened as $seen. $claims is the licence.
look_up() { # TOKENS-INSIDE FILE-BESIDE
  listed='' newest=0 ends=$NEVER of_others=''
  for token in $1; do
    open_list "$token" || problem revocations-invalid
    break
  done
  if [ -f "$2" ]; then
    # A shell reads a long line slowly.
    blocks "$2" >"$work/blocks-beside" &&
      tokens=$(sed -n 's/^REVOCATIONS //p' "$work/blocks-beside") || tokens=
    # shellcheck disable=SC2086  # tokens have no white space
    set -- $tokens
    { [ $# -eq 1 ] && open_list "$1"; } || problem revocations-invalid
  fi
  [ -z "$listed" ] || problem license-revoked
}

open_list() { # +TOKEN
  first_reading "$1" open_token license-revocations+jwt "$keyset.trusted" &&
    parse_payload "$payload" '/ iss:text number:positive iat:instant exp?instant prefix?prefix revoked:string' >"$work/list" &&
    revoked=$(sed -n 's,^/revoked/ s [0-9]* ,,p' "$work/list") &&
    is_base64url "$revoked" && [ $((${#revoked} % 16)) -eq 0 ] || return 1
  # 12 bytes are 16 characters, and 24 hexadecimal digits
  member "$claims" /jti/
  digest=$(printf '%b' "$value" | sha256)
  digest=${digest%????????????????????????????????????????[ ]*}
  [ -z "$revoked" ] || ! from_base64url "$revoked" | hexadecimal | fold -w 24 | grep -x "$digest" >"$work/found" || listed=yes
  grep -v '^/revoked/ ' "$work/list" >"$work/list-members"
  member "$work/list-members" /iat/
  made=$value
  [ "$value" -le "$seen" ] || seen=$value
  member "$work/list-members" /number/
  [ "$value" -gt "$newest" ] || return 0
  newest=$value
  member "$work/list-members" /exp/ || value=$NEVER
  ends=$value of_others=''
  member "$work/list-members" /prefix/ || value=''
  case $digest in "$value"*) ;; *) [ "$made" -lt "$iat" ] || of_others=yes ;; esac
}

# What is to be said of the list of the highest number.
judge_list() { # MEMORY
  [ -z "$of_others" ] || notice revocations-of-others
  [ "$now" -lt "$ends" ] || notice revocations-old
  [ -f "$1" ] && member "$1" /revocations_kid/ || return 0
  while read -r _ _ kid _ && [ "$kid" != "$value" ]; do :; done <"$keyset.trusted"
  [ "$kid" = "$value" ] && member "$1" /revocations_number/ || return 0
  [ "$newest" -ge "$value" ] || notice revocations-dropped
}

# 5.2 Claims. ------------------------------------------------------------------------------------

CLAIMS='/ ver:integer
  / must_understand?names
  / iss:text sub:text aud:text jti:text iat:instant nbf?instant exp?instant host:object
  edition?text features?names limits?numbers notify_from?instant grace_until?instant
  maintenance_until?instant replaces?text
  /host/ key:key name?text profile:hk1|hk1-host|hk1-cluster|hk1-site match?exact|anchored tags?tags layer?tag return?digest'
LAST_INSTANT=253402300799
NEVER=999999999999 # later than every instant

# Sets $value to an instant among the claims, or to ABSENT.
instant() { # NAME ABSENT
  member "$claims" "/$1/" || value=$2
}

# Whether must_understand names nothing but what this verifier knows.
knows_all() { # FILE
  while read -r path _ _ value; do
    case $path in
      /must_understand/[0-9]*) [ "$value" = hk1-cluster ] || [ "$value" = hk1-site ] || return 1 ;;
    esac
  done <"$1"
}

# Reads the payload of a licence: $claims, $iat, $nbf, $exp, $profile; fails with $why.
read_claims() { # PAYLOAD
  why=license-claims-invalid
  claims=$work/claims
  parse_payload "$1" "$CLAIMS" >"$claims"
  failing=$?
  [ $failing -ne 1 ] || return 1
  why=license-unsupported
  member "$claims" /ver/ && [ "$value" = 1 ] || return 1
  [ $failing -eq 2 ] || knows_all "$claims" || return 1
  why=license-claims-invalid
  [ $failing -eq 0 ] || return 1
  instant iat 0 && iat=$value
  instant nbf "$iat" && nbf=$value
  instant exp $NEVER && exp=$value
  instant grace_until "$exp" && grace_until=$value
  [ "$exp" -gt "$nbf" ] && [ "$grace_until" -ge "$exp" ] || return 1
  member "$claims" /host/profile/
  profile=$value
}

# 7 Checking. ------------------------------------------------------------------------------------

problem() { problems="$problems $1"; } # SLUG
notice() { notices="$notices $1"; }    # SLUG

# 7.2 Opening: sets $signer, $roots, $best and what read_claims sets, and what choose_keyset sets; fails
# with $why.
open_license() { # FILE KNOWN
  blocks_of_license "$1" >"$work/blocks"
  case $? in
    0) ;;
    2) why=file-too-large && return 1 ;;
    *) why=license-damaged && return 1 ;;
  esac
  why=license-block-missing
  tokens_of - "$work/blocks" || return 1
  license=${tokens%?}
  why=license-several
  case $license in *'
'*) return 1 ;; esac
  tokens_of ROOTS "$2" "$work/blocks"
  follow_roots "$tokens" || return 1
  tokens_of KEYSET "$2" "$work/blocks"
  choose_keyset "$tokens" || return 1
  first_reading "$license" open_token license+jwt "$keyset.keys" || return 1
  signer=$kid
  read_claims "$payload"
}

# Checks the licence FILE at the instant NOW and sets $problems, $notices and $details. The files are
# of parsed JSON; BESIDE is a file of revocations, KNOWN is license.trust; those of memory, revocations
# and what is known may be missing. Call trust for each root key before.
check() { # FILE NOW HOST SETTINGS MEMORY BESIDE KNOWN
  problems='' notices='' details='' former='' roster=''
  host=$3 settings=$4
  clamp "$2"
  member "$settings" /roots_needed/ || value=1
  threshold=$value roots=0
  trusted=$work/roots
  : >"$work/known"
  if [ -f "$7" ] && ! { blocks "$7" >"$work/known" && [ -s "$work/known" ]; }; then
    notice trust-invalid
    : >"$work/known"
  fi
  if ! open_license "$1" "$work/known"; then
    problem "$why"
    notices=
    return
  fi
  judge_trust "$5"
  judge_key
  member "$keyset" /iat/
  seen=$iat
  [ "$value" -le "$seen" ] || seen=$value
  tokens_of REVOCATIONS "$work/blocks"
  look_up "$tokens" "$6"
  judge_returned "$5"
  judge_list "$5"
  judge_product
  as_issued "$iat"
  judge_host
  judge_term "$5"
  [ -z "$problems" ] || return 0
  [ -z "$ends" ] || notice "$ends"
  [ "$iat" -ge $VERSION_2 ] || ! member "$host" /once_bare/ || [ "$value" != true ] ||
    notice container-as-machine
}

# 2.4 Sets $now: an instant, whatever the clock shows.
clamp() { # NUMBER
  now=$1
  case $now in -*) now=0 ;; esac
  while case $now in 0?*) ;; *) false ;; esac; do now=${now#0}; done
  [ ${#now} -lt 13 ] && [ "$now" -le $LAST_INSTANT ] || now=$LAST_INSTANT
}

judge_trust() { # MEMORY
  [ -f "$1" ] || return 0
  member "$1" /roots_version/ || value=0
  [ "$roots" -le "$value" ] || return 0
  [ "$roots" -eq "$value" ] || { problem keyset-rolled-back && return; }
  ! member "$1" /keyset_version/ || [ "$best" -ge "$value" ] || problem keyset-rolled-back
}

judge_returned() { # MEMORY
  [ -f "$1" ] || return 0
  member "$claims" /jti/ && number=$value
  member "$claims" /aud/ && holder=$value
  member "$claims" /sub/ && holder=$(printf 'hostseal returned\n%b\n%b' "$holder" "$value" | sha256)
  holder=${holder%% *}
  at=0
  while member "$1" "/returned/$at/"; do
    [ "$value" != "$number" ] || { problem license-returned && return; }
    case $value in
      "$holder "*) [ "$iat" -gt "${value#* }" ] || { problem license-returned && return; } ;;
    esac
    at=$((at + 1))
  done
}

judge_key() {
  at=0
  while member "$keyset" "/keys/$at/kid/" && [ "$value" != "$signer" ]; do at=$((at + 1)); done
  member "$keyset" "/keys/$at/state/"
  [ "$value" != revoked ] || problem signing-key-revoked
  member "$claims" /aud/
  product=$value
  if is_there "$keyset" "/keys/$at/products/"; then
    allowed=0
    while member "$keyset" "/keys/$at/products/$allowed/" && [ "$value" != "$product" ]; do
      allowed=$((allowed + 1))
    done
    [ "$value" = "$product" ] || problem signing-key-not-allowed
  fi
  member "$keyset" "/keys/$at/nbf/" && from=$value
  member "$keyset" "/keys/$at/exp/" && until=$value
  { [ "$iat" -ge "$from" ] && [ "$iat" -lt "$until" ]; } || problem signing-key-not-allowed
  ! member "$keyset" /exp/ || [ "$iat" -lt "$value" ] || problem keyset-expired
}

judge_product() {
  if member "$settings" /product/; then
    [ "$value" = "$product" ] || problem wrong-product
  else
    notice product-unset
  fi
}

judge_host() {
  if [ "${profile#hk1-[cs]}" = "$profile" ] && text_of_host pinned_ip; then
    pinned=$value
    member "$host" /ip/
    [ "$value" = "$pinned" ] || { member "$host" /former_ip/ && [ "$value" = "$pinned" ]; } ||
      if is_address "$pinned"; then problem pinned-address-differs; else problem pinned-address-invalid; fi
  fi
  if ! host_key "$profile"; then
    problem "$why"
  else
    member "$claims" /host/key/
    if [ "$value" = "$key" ] || judge_former_address || judge_other_host; then
      if is_of_other_layer "$claims" "$profile"; then
        problem wrong-host
        details=layer-differs
      fi
    fi
  fi
  if member "$claims" /limits/gpus/; then
    licensed=$value
    if member "$host" /gpus/; then
      [ "$value" -le "$licensed" ] || problem gpus-not-licensed
    elif is_there "$host" /gpus/; then # as null
      notice gpus-not-counted
    fi
  fi
}

# Eight groups of up to four digits; one run of them may be ::, the last two an IPv4 address.
# shellcheck disable=SC2016
ADDRESS='
function groups(text,   part, n, i) {
  n = split(text, part, ":")
  for (i = 1; i <= n; i++) if (part[i] !~ /^[0-9a-fA-F]+$/ || length(part[i]) > 4) return 99
  return n
}
BEGIN {
  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
  ipv4 = octet "[.]" octet "[.]" octet "[.]" octet "$"
  if (text ~ ("^" ipv4)) exit 0
  if (match(text, ":" ipv4)) text = substr(text, 1, RSTART) "0:0"
  at = index(text, "::")
  if (!at) exit groups(text) != 8
  exit groups(substr(text, 1, at - 1)) + groups(substr(text, at + 2)) > 7
}'

is_address() { awk -v text="$1" "$ADDRESS"; } # TEXT, encoded as above

judge_former_address() { # 3.7
  text_of_host former_ip || return 1
  former=$value
  host_key "$profile"
  former=
  member "$claims" /host/key/
  [ "$value" = "$key" ] || return 1
  notice former-address
}

judge_other_host() {
  if [ "$profile" = hk1-site ]; then
    member "$claims" /host/key/
    if size_of_site "$value" && [ "$place" -lt "$count" ]; then
      notice site-has-grown
      return
    fi
  fi
  host_tags "$profile"
  member "$claims" /host/match/
  if [ "$value" = anchored ] && matches_anchors "$claims" "$profile"; then
    notice host-drifted
  else
    problem wrong-host
    explain "$claims" "$profile"
    return 1
  fi
}

judge_term() { # MEMORY
  if [ -f "$1" ]; then # 7.3
    member "$claims" /jti/ && number=$value
    member "$1" /seen_at/ || value=0
    mark=$value
    member "$1" /license_iat/ || value=0
    remembered=$value
    member "$1" /license_jti/
    { [ "$value" = "$number" ] || [ "$iat" -le "$remembered" ]; } || mark=0
    [ "$mark" -le "$seen" ] || seen=$mark
  fi
  [ "$now" -ge $((seen - 86400)) ] || problem clock-set-back
  member "$settings" /warn_days/ || value=30
  warn_from=$((exp - value * 86400))
  [ "$exp" != $NEVER ] || warn_from=$NEVER
  instant notify_from "$warn_from" && warn_from=$value
  ends='' # what a licence that holds says of its term
  if [ "$now" -lt "$nbf" ]; then
    problem license-not-yet-valid
  elif [ "$now" -lt "$exp" ]; then
    [ "$now" -lt "$warn_from" ] || [ "$exp" = $NEVER ] || ends=expires-soon
  elif [ "$now" -lt "$grace_until" ]; then
    ends=in-grace
  else
    problem license-expired
  fi
  instant maintenance_until $NEVER
  covered=$value
  ! member "$settings" /released_at/ || [ "$value" -le "$covered" ] || problem maintenance-ended
}

# 4.4 Request: what a vendor reads. --------------------------------------------------------------

REQUEST='/ ver:integer key:key name?text profile?hk1|hk1-host|hk1-cluster|hk1-site tags?tags layer?tag return?digest machines?integer gpus?integer
  customer?text product?text replaces?text iat?instant'

# Prints the request in the bare lines of a text as JSON, or what is wrong with them.
# shellcheck disable=SC2016
BARE='
function points(c) { # the bytes of a character of UTF-8
  if (c < 128) return c ? char[c] : "\377"
  if (c < 2048) return char[192 + int(c / 64)] char[128 + c % 64]
  if (c < 65536) return char[224 + int(c / 4096)] char[128 + int(c / 64) % 64] char[128 + c % 64]
  return char[240 + int(c / 262144)] char[128 + int(c / 4096) % 64] char[128 + int(c / 64) % 64] char[128 + c % 64]
}
function number(text, base,   i, n) {
  for (i = 1; i <= length(text); i++) n = n * base + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
  return n
}
function characters(text) { gsub(/[\200-\277]/, "", text); return length(text) }
function digits_at(text) { return match(text, /^[0-9a-fA-F]+/) ? RLENGTH : 0 }
# Each of these takes what it undoes out of `text`, and leaves the rest of it.
function octets(   out, run, all, i) {
  while (match(text, /(=[0-9a-fA-F][0-9a-fA-F])+|(%[0-9a-fA-F][0-9a-fA-F])+/)) {
    out = out substr(text, 1, RSTART - 1)
    run = substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART)
    if (run ~ /^=/ && out ~ /[A-Za-z\200-\377]$/ && digits_at(substr(text, 2)) == 40) run = "="
    text = substr(text, length(run) + 1)
    all = ""
    for (i = 2; i < length(run); i += 3) all = all (substr(run, i, 2) == "00" ? "A" : char[number(substr(run, i, 2), 16)])
    out = out (run != "=" && is_text(all) ? all : run)
  }
  text = out text
}
function is_text(all) {
  if (all ~ /[\001-\010\013\014\016-\032\034-\037A-Za-z0-9\177]/) return 0
  gsub(/[\302-\337][\200-\277]|\340[\240-\277][\200-\277]|[\341-\354\356\357][\200-\277][\200-\277]|\355[\200-\237][\200-\277]/, "", all)
  gsub(/\360[\220-\277][\200-\277][\200-\277]|[\361-\363][\200-\277][\200-\277][\200-\277]|\364[\200-\217][\200-\277][\200-\277]/, "", all)
  return all !~ /[\200-\377]/
}
function tags(   out, tag, name) {
  while (match(text, /<\/?[A-Za-z][A-Za-z0-9:]*([ \t\r\n][^<>]*)?\/?>|<(https?|mailto):[^<>]*>/)) {
    out = out substr(text, 1, RSTART - 1)
    tag = substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART + RLENGTH)
    name = tolower(tag)
    sub(/^<\/?/, "", name)
    sub(/[^a-z0-9:].*$/, "", name)
    if (length(name) > 10 || tag !~ /^<\/?[A-Za-z][A-Za-z0-9:]*([ \t\r\n][^<>]*)?\/?>$/) {
      if (tag ~ /^<(https?|mailto):/) continue
      out = out "<"
      text = substr(tag, 2) text
    } else if (index(" a abbr b big code del em font i ins mark o:p s small span strong sub sup tt u wbr ", " " name " ") == 0)
      out = out (name == "td" || name == "th" ? "\t" : "\n")
  }
  text = out text
}
function entities(   out, name, c) {
  while (match(text, /&(#[0-9]+|#[xX][0-9a-fA-F]+|[a-z]+);/)) {
    out = out substr(text, 1, RSTART - 1)
    name = substr(text, RSTART + 1, RLENGTH - 2)
    text = substr(text, RSTART + RLENGTH)
    if (name ~ /^#[xX]/ && length(name) <= 8) c = number(substr(name, 3), 16)
    else if (name ~ /^#[0-9]/ && length(name) <= 8) c = number(substr(name, 2), 10)
    else if (name in entity) { out = out entity[name]; continue }
    else c = -1
    if (c < 0 || c > 55295 && c < 57344 || c > 1114111) out = out "&" name ";"
    else out = out points(c)
  }
  text = out text
}
function escapes(   out, sign) {
  while (match(text, /\\(["\\\/bfnrt]|u001[bB])/)) {
    sign = substr(text, RSTART + 1, 1)
    out = out substr(text, 1, RSTART - 1) (sign == "u" ? "\033" : sign == "b" ? " " : sign == "t" ? "\t" : sign ~ /[fnr]/ ? "\n" : sign)
    text = substr(text, RSTART + RLENGTH)
  }
  text = out text
}
function breaks(   out) {
  while (match(text, /\\[nrt][0-9a-fA-F]+/)) {
    out = out substr(text, 1, RSTART - 1) (RLENGTH >= 42 ? "\n" : substr(text, RSTART, 2))
    text = substr(text, RSTART + 2)
  }
  text = out text
}
function full_width(   i) {
  for (i = 33; i <= 95; i++) gsub("\357\274" char[i + 96], i == 38 ? "\\\\&" : char[i], text)
  for (i = 96; i <= 126; i++) gsub("\357\275" char[i + 32], char[i], text)
}
function line_marks(   n, i, line, out, rest) {
  n = split(text, line, "\n")
  for (i = 1; i <= n; i++) {
    rest = line[i]
    sub(/^[ \t]*/, "", rest)
    if (rest ~ /^[+]/) line[i] = " " substr(rest, 2)
    else if (match(rest, /^([":#%!-]|\342\200[\242\243]|\342\226\252|\302\267)+[ \t]/) && characters(substr(rest, 1, RLENGTH)) <= 10)
      line[i] = " " substr(rest, RLENGTH)
    out = out (i > 1 ? "\n" : "") line[i]
  }
  text = out
}
function pieces(   out, all, each, n, i, longest, size, joins) {
  while (match(text, /("|(\[|:) ?"[ \t\n]+)[0-9a-fA-F]+([ \t\n]+[0-9a-fA-F]+)+[ \t\n]*"|\[[0-9a-fA-F]+([ \t\n]+[0-9a-fA-F]+)+,/)) {
    out = out substr(text, 1, RSTART - 1)
    all = substr(text, RSTART, RLENGTH - 1)
    text = substr(text, RSTART + RLENGTH - 1)
    match(all, text ~ /^,/ ? "^\\[" : "^[^\"]*\"[ \t\n]*")
    out = out substr(all, 1, RLENGTH)
    all = substr(all, RLENGTH + 1)
    joins = 1
    if (text ~ /^,/) {
      match(text, /^[^][]*/)
      joins = characters(substr(text, 2, RLENGTH - 1)) <= 300 && substr(text, RLENGTH + 1, 1) == "]"
    } else if (match(all, /[ \t\n]+$/)) {
      size = RLENGTH
      joins = substr(text, 2, 1) ~ /[],;)}]/
      text = substr(all, length(all) - size + 1) text
      all = substr(all, 1, length(all) - size)
    }
    n = split(all, each, /[ \t\n]+/)
    longest = 0
    for (i = 1; i <= n; i++) if (length(each[i]) > longest) longest = length(each[i])
    if (joins && n <= 4 && longest < 40 && length(unspaced(all)) == 40) all = unspaced(all)
    out = out all
  }
  text = out text
}
function unspaced(text) { gsub(/[ \t\n]/, "", text); return text }
function undo(   level) {
  gsub(/=[ \t]*(\r\n?|\n)/, " \n", text)
  octets(); tags(); entities()
  while (index(text, "\\\"") && level++ < 3) escapes()
  breaks()
  gsub(/\r\n?/, "\n", text)
  gsub(/[\013\014\034-\036]|\302\205|\342\200[\250\251]/, "\n", text)
  gsub(/\033\][^\007\033\n]*(\007|\033\\)|(\033|\^\[)\[[0-9;?]*[@-~]|\[[0-9][0-9]?[0-9]?(;[0-9][0-9]?[0-9]?)*[mMK]/, "", text)
  gsub(/[\001-\010\016-\033\177\377]|\302\255|\315\217|\330\234|\341\240\216|\342\200[\213-\217\252-\256]|\342\201[\240-\257]|\342\240\200|\343\205\244|\357\270[\200-\217]|\357\273\277|\357\277\274/, "", text)
  full_width()
  gsub(/\037|\302\240|\341\232\200|\342\200[\200-\212\257]|\342\201\237|\343\200\200/, " ", text)
  gsub(/\342\200[\220-\223]|\342\210\222|\357\271[\230\243]/, "-", text)
  gsub(/\343\200[\220\224]/, "[", text)
  gsub(/\343\200[\221\225]/, "]", text)
  gsub(/\343\200\202|\357\275\241/, ".", text)
  gsub(/\343\200\201/, ",", text)
  gsub(/[\047`*~]|\302[\253\273]|\342\200[\230-\237\262\263]|\343\200[\214-\217\235-\237]/, "\"", text)
  gsub(/[>|]|\342[\224\225][\200-\277]/, " ", text)
  line_marks()
  gsub(/""?([hH][oO][sS][tT][nN][aA][mM][eE]|[pP][rR][oO][fF][iI][lL][eE]|[cC][hH][eE][cC][kK])""? ?:[ \t\n]?[ \t\n]?/, "", text)
  gsub(/,?[ \t\n]?[ \t\n]?([hH][oO][sS][tT][ _-]?[nN][aA][mM][eE]|\344\270\273\346\234\272\345\220\215|[pP][rR][oO][fF][iI][lL][eE]|[cC][hH][eE][cC][kK]) ?[:=]/, ",", text)
  pieces()
}
# The words of digits, which nothing touches; `gap` is what is between it and the one before.
function words(   rest, between, at, before, after, size) {
  rest = text
  while (match(rest, /[0-9a-fA-F]+/)) {
    size = RLENGTH
    between = between substr(rest, 1, RSTART - 1)
    at += RSTART - 1
    before = substr(text, at > 3 ? at - 3 : 1, at > 3 ? 4 : at)
    after = substr(rest, RSTART + size, 1)
    if (is_word(before, after, size)) {
      count++
      digits[count] = substr(rest, RSTART, size)
      ends[count] = at + size
      gap[count] = count > 1 ? between : "."
      between = ""
    } else between = between substr(rest, RSTART, size)
    at += size
    rest = substr(rest, RSTART + size)
  }
  gap[count + 1] = "."
}
function is_word(before, after, size) {
  if (size < 4 || before ~ /[0-9A-Za-z\/%-]$/ || after ~ /^[0-9A-Za-z-]/) return 0
  if (size != 40 && (before ~ /[\200-\377]$/ || after ~ /^[\200-\377]/)) return 0
  return before !~ /=$/ || before ~ /[A-Za-z\200-\377]=$/ && before !~ /=[0-9a-fA-F][0-9a-fA-F]=$/
}
function is_apart(word, gap, is_after) {
  if (word !~ /[a-fA-F]/)
    return length(word) <= 15 && (length(word) >= 10 || !index(gap, "\n") && (!is_after || length(word) <= 7))
  return word !~ /[0-9]/ && length(word) <= 7
}
function are_keys(first, last,   i, was, is, other, named) {
  for (i = first + 1; i <= last; i++) {
    was = length(digits[i - 1]) == 40
    is = length(digits[i]) == 40
    other = is ? i - 1 : i
    if (was && length(digits[i]) == 12) named = i
    else if (was != is && other != named && !is_apart(digits[other], gap[i], was)) return 0
  }
  return 1
}
function are_groups(first, last,   i, all, size, lines, line, blank) {
  size = length(digits[first])
  for (i = first; i <= last; i++) all = all digits[i]
  if (length(all) != 40 || last - first < 2 || all ~ /[A-F]/ || all !~ /[a-f]/ || all !~ /[0-9]/) return ""
  for (i = first; i < last; i++) if (length(digits[i]) != size) return ""
  if (length(digits[last]) > size || length(digits[last]) < size && digits[last] !~ /[a-f]/) return ""
  line = 1
  for (i = first + 1; i <= last + 1; i++) {
    if (i > last || index(gap[i], "\n")) {
      if (lines == "") lines = line
      if (line != lines) return ""
      line = 1
    } else {
      if (blank == "") blank = gap[i]
      if (gap[i] != blank) return ""
      line++
    }
  }
  return all
}
# What follows a key is in `rest`. This finds the profile, the check code or a word in quotes.
function element(   s, low, size) {
  word = ""
  s = rest
  sub(/^[" \t\n]*/, "", s)
  if (match(s, /^[,;][ \t\n]*"+[^"]+"/)) {
    size = RLENGTH
    word = substr(s, 1, size - 1)
    sub(/^[,;][ \t\n]*"+/, "", word)
    if (characters(word) <= 80) {
      word = tolower(unspaced(word))
      rest = substr(s, size + 1)
      return
    }
    word = ""
  }
  sub(/^[,;]?[" \t\n]*/, "", s)
  low = tolower(s)
  if (!match(low, /^hk1-(host|cluster|site)/) && !match(low, CHECK)) return
  size = RLENGTH
  if (substr(low, size + 1, 1) ~ /[0-9a-z_-]/) return
  word = unspaced(substr(low, 1, size))
  rest = substr(s, size + 1)
}
function name_after(   gap, s, plain, size, kept, is_name) {
  match(rest, /^[" \t\n]*[,;]?[ \t\n]*/)
  gap = substr(rest, 1, RLENGTH)
  s = substr(rest, RLENGTH + 1)
  plain = gap
  if (gap !~ /[,;]/ && gsub(/\n/, "", plain) > 1) return ""
  if (match(s, /^"+[^"]+"/)) {
    size = RLENGTH
    plain = substr(s, 1, size - 1)
    sub(/^"+/, "", plain)
    kept = substr(s, size + 1)
    if (characters(plain) > 2000 || kept != "" && kept !~ /^[] \t\n"\\,;()[{}]/) return ""
    s = tolower(plain)
    gsub(/^[ \t\n]+|[ \t\n]+$/, "", s)
    if (match(s, CHECK) && RLENGTH == length(s)) return ""
    rest = kept
    return hostname(plain)
  }
  if (!match(s, /^[^] \t\n",;()[{}]+/)) return ""
  plain = substr(s, 1, RLENGTH)
  if (characters(plain) > 2000) return ""
  s = substr(s, RLENGTH + 1)
  kept = rest
  rest = s
  if (tolower(plain) == "null") return ""
  element()
  is_name = (is_profile(word) && word != "hk1" || word ~ /^check./) && !is_profile(tolower(plain)) && tolower(plain) != "check"
  rest = is_name || is_hostname(plain, gap, s) ? s : kept
  return rest == kept ? "" : hostname(plain)
}
function is_profile(word) { return word ~ /^hk1(-(host|cluster|site))?$/ }
function is_hostname(plain, gap, s) {
  if (plain !~ /^[0-9A-Za-z][0-9A-Za-z._-]*$/ || plain !~ /[A-Za-z]/ || length(plain) == 40) return 0
  if (plain !~ /[.]$/ && s != "" && s !~ /^ *[]\t\n",;()[{}]/) return 0
  return index(gap, "\t") || s ~ /^ *[])}]/ || plain ~ /[0-9_-]/
}
function hostname(name,   out, s, n) {
  s = unspaced(name)
  name = ""
  while (match(s, /\\+[uU][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]/)) {
    name = name substr(s, 1, RSTART - 1) "\\u" substr(s, RSTART + RLENGTH - 4, 4)
    s = substr(s, RSTART + RLENGTH)
  }
  name = name s
  name = unescaped(name)
  name = tolower(name)
  sub(/[.]+$/, "", name)
  for (n = 1; n <= length(name); n++) if (substr(name, n, 1) !~ /[\200-\277]/ && ++out > 200) break
  name = substr(name, 1, n - 1)
  if (name ~ /[\001-\037\177\377]|\302[\200-\240\255]|\330\234|\341\232\200|\341\240\216|\342\200[\200-\217\250-\257]|\342\201[\237-\257]|\343\200\200|\355[\240-\277]|\356|\357[\200-\243]|\357\267[\220-\257]|\357\273\277|\357\277[\271-\273\276\277]|\363[\240-\277]|\364/) return ""
  out = name
  gsub(/\302[\200-\277]|\303[\227\267]|\342[\200-\257][\200-\277]|\342[\270\271][\200-\277]|\343\200[\200-\277]|\357\270[\200-\277]|\357\271[\200-\257]|\357[\274-\277][\200-\277]|\360\237[\200-\253][\200-\277]/, "", out)
  return out ~ /[0-9a-z\200-\377]/ ? name : ""
}
function unescaped(name,   out, s, sign, c) {
  s = name
  while (match(s, /\\/)) {
    out = out substr(s, 1, RSTART - 1)
    sign = substr(s, RSTART + 1, 1)
    s = substr(s, RSTART + 2)
    if (sign == "u") {
      if (digits_at(s) < 4) return name
      c = number(substr(s, 1, 4), 16)
      s = substr(s, 5)
      if (c > 55295 && c < 56320 && s ~ /^\\u[dD][c-fC-F]/ && digits_at(substr(s, 3)) >= 4) {
        c = 65536 + (c - 55296) * 1024 + number(substr(s, 3, 4), 16) - 56320
        s = substr(s, 7)
      }
      out = out points(c)
    } else if (sign != "" && index("\"\\/", sign)) out = out sign
    else if (sign ~ /^[bfnrt]$/) out = out "\001"  # none of them is printed
    else return name
  }
  return out s
}
function code_of(text,   i, c, sum, point, left, out) {
  for (i = 1; i <= length(text); i++) {
    c = code[substr(text, i, 1)]
    if (c < 128) { point = c; left = 0 }
    else if (c >= 192) { left = c < 224 ? 1 : c < 240 ? 2 : 3; point = c - (c < 224 ? 192 : c < 240 ? 224 : 240) }
    else { point = point * 64 + c - 128; left-- }
    if (left == 0) sum = (sum * 1000003 + point) % 16777213
  }
  for (i = 0; i < 6; i++) {
    out = substr("ghjkmnpqrstvwxyz", sum % 16 + 1, 1) out
    sum = int(sum / 16)
  }
  return out
}
function bare_line(key, s,   name, profile, check, i) {
  key = tolower(key)
  if (!(key in keys)) { keys[key]; different++ }
  rest = s
  sub(/^_+/, "", rest)
  name = name_after()
  profile = "hk1"
  check = "-"
  for (i = 0; i < 3; i++) {
    element()
    if (is_profile(word)) profile = word
    else if (word ~ /^check./) check = substr(word, 6)
  }
  if (check != "-" && check != code_of(key "\n" name "\n" profile)) damaged = 1
  found++
  if (name != "") its_name = name
  if (profile != "hk1") its_profile = profile
}
function read(first, last,   i, whole, keys_too, all) {
  for (i = first; i <= last; i++) if (length(digits[i]) == 40) whole = 1
  keys_too = whole && are_keys(first, last)
  for (i = first; i <= last; i++) {
    if (length(digits[i]) != 40) continue
    if (keys_too) bare_line(digits[i], substr(text, ends[i] + 1))
    else if (!(tolower(digits[i]) in keys)) { keys[tolower(digits[i])]; different++ }
  }
  all = whole ? "" : are_groups(first, last)
  if (all != "") bare_line(all, substr(text, ends[last] + 1))
}
BEGIN {
  for (i = 1; i < 256; i++) { char[i] = sprintf("%c", i); code[char[i]] = i }
  split("amp & apos \047 gt > lt < nbsp _ quot \" ldquo \" rdquo \" lsquo \047 rsquo \047", pair, " ")
  for (i = 1; i in pair; i += 2) entity[pair[i]] = pair[i + 1] == "_" ? " " : pair[i + 1]
  letter = "[ghjkmnpqrstvwxyz]"
  CHECK = "^check[ \t\n]+" letter letter letter letter letter letter
  while ((getline line) > 0) text = text line "\n"
  undo()
  words()
  for (i = first = 1; i <= count; i++)
    if (gap[i + 1] ~ /[^ \t\n]/) {
      read(first, i)
      first = i + 1
    }
  if (damaged) print "request-damaged"
  else if (!found) print "request-unreadable"
  else if (different > 1) print "request-ambiguous"
  else {
    for (key in keys) its_key = key
    gsub(/[\\"]/, "\\\\&", its_name)
    printf "{\"ver\":1,\"key\":\"%s\",%s\"profile\":\"%s\"}\n", its_key, its_name == "" ? "" : "\"name\":\"" its_name "\",", its_profile == "" ? "hk1" : its_profile
  }
}'

# Writes the members of the request in FILE as JSON to $work/request.json; fails with $why.
parse_request() { # FILE
  why=request-unreadable
  [ "$(tr -d '\200-\277' <"$1" | wc -c)" -le 65536 ] || return 1
  why=request-damaged
  od -An -v -tx1 "$1" | awk -v pasted=1 "$ARMOUR" >"$work/blocks" || return 1
  if tokens_of REQUEST "$work/blocks"; then
    for token in $tokens; do
      first_reading "$token" open_request || return 1
      member "$work/request" /key/
      ask_for "$value"
    done
    one_key || return 1
    awk "$AS_JSON" "$work/request" >"$work/request.json"
    return
  fi
  why=request-unreadable
  ! tokens_of - "$work/blocks" || return 1
  tr '\000\377' '\377\376' <"$1" >"$work/text"
  awk "$BARE" "$work/text" >"$work/request.json"
  read -r why <"$work/request.json"
  case $why in "{"*) ;; *) return 1 ;; esac
}

# The members of a request that are known, of parsed JSON, as JSON.
# shellcheck disable=SC2016
AS_JSON='
function quoted(text,   out, i, c, n) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    n = code[c]
    if (c == "\\") {
      n = substr(text, i + 2, 1) * 64 + substr(text, i + 3, 1) * 8 + substr(text, i + 4, 1)
      i += 4
    }
    if (n == 34 || n == 92) out = out "\\"
    out = out (n < 32 || n == 127 ? sprintf("\\u%04x", n) : char[n])
  }
  return "\"" out "\""
}
function tags(   out, n, i, name, path) {
  n = split("hostname ip machine_id container_id cluster_uid site roster", name, " ")
  for (i = 1; i <= n; i++) {
    path = "/tags/" name[i] "/"
    if (path in value) out = out (out == "" ? "" : ",") "\"" name[i] "\":" quoted(value[path])
  }
  return "{" out "}"
}
BEGIN { for (i = 0; i < 256; i++) { char[i] = sprintf("%c", i); code[char[i]] = i } }
{ type[$1] = $2; value[$1] = $4 }
END {
  if (!("/profile/" in value)) { type["/profile/"] = "s"; value["/profile/"] = "hk1" }
  n = split("ver key name profile tags layer return machines gpus customer product replaces iat", name, " ")
  for (i = 1; i <= n; i++) {
    path = "/" name[i] "/"
    if (!(path in value)) continue
    printf "%s\"%s\":%s", i == 1 ? "{" : ",", name[i], type[path] == "o" ? tags() : type[path] == "i" ? value[path] : quoted(value[path])
  }
  printf "}"
}'

asked='' several=''
ask_for() { # KEY
  [ -z "$asked" ] || [ "$asked" = "$1" ] || several=yes
  asked=$1
}

one_key() { # fails where several were asked for
  why=request-ambiguous
  [ -z "$several" ]
}

open_request() { # TOKEN
  case $1 in *.*.* | *[!A-Za-z0-9_.-]*) return 1 ;; *.*) ;; *) return 1 ;; esac
  is_base64url "${1%.*}" || return 1
  from_base64url "${1%.*}" >"$work/payload"
  sum=$(sha256 <"$work/payload")
  # 6 bytes are 12 hexadecimal digits, and 8 characters
  sum=$(awk -v hex="${sum%"${sum#????????????}"}" "${BASE64}BEGIN { print to64(hex) }")
  [ "${1#*.}" = "$sum" ] || return 1
  parse_payload "${1%.*}" "$REQUEST" >"$work/request" && member "$work/request" /ver/ && [ "$value" = 1 ]
}

# What follows is only for the vectors of tests/vectors/: `sh verify.sh ROOT.pub.pem <PATHS` prints
# a line of JSON for each path. --------------------------------------------------------------------

# 9.1 The exit codes that the vectors need.
exit_code() { # SLUG
  case $1 in
    '') echo 0 ;;
    file-too-large) echo 12 ;;
    license-block-missing) echo 13 ;;
    license-damaged) echo 14 ;;
    license-several) echo 15 ;;
    license-claims-invalid) echo 16 ;;
    license-unsupported) echo 17 ;;
    revocations-invalid) echo 19 ;;
    trusted-key-invalid) echo 21 ;;
    keyset-missing) echo 22 ;;
    keyset-untrusted) echo 23 ;;
    keyset-invalid) echo 24 ;;
    keyset-expired) echo 25 ;;
    signing-key-unknown) echo 26 ;;
    signature-invalid) echo 27 ;;
    signing-key-revoked) echo 28 ;;
    signing-key-not-allowed) echo 29 ;;
    wrong-host) echo 30 ;;
    wrong-product) echo 31 ;;
    host-unidentifiable) echo 32 ;;
    host-machine-id-not-bound) echo 33 ;;
    host-cluster-unknown) echo 48 ;;
    host-site-unknown) echo 49 ;;
    host-not-in-site) echo 53 ;;
    pinned-address-differs) echo 34 ;;
    gpus-not-licensed) echo 35 ;;
    keyset-rolled-back) echo 37 ;;
    roots-invalid) echo 38 ;;
    roots-skipped) echo 39 ;;
    license-expired) echo 40 ;;
    license-not-yet-valid) echo 41 ;;
    clock-set-back) echo 42 ;;
    license-revoked) echo 43 ;;
    license-returned) echo 55 ;;
    maintenance-ended) echo 44 ;;
    pinned-address-invalid) echo 46 ;;
    request-unreadable) echo 50 ;;
    request-damaged) echo 51 ;;
    request-ambiguous) echo 52 ;;
  esac
}

array() { # WORDS...
  separator=
  printf '['
  for word; do
    printf '%s"%s"' "$separator" "$word"
    separator=,
  done
  printf ']'
}

line() { # MORE-MEMBERS: prints $problems, $notices, $details
  # shellcheck disable=SC2086  # slugs have no white space
  printf '{%s"problems":%s,"notices":%s,"details":%s,"exit_code":%s}\n' "$1" "$(array $problems)" \
    "$(array $notices)" "$(array $details)" "$(set -- $problems && exit_code "${1-}")"
}

# Sets $found to what the vector says after NAME.
says() { # NAME
  found=
  case " $names " in
    *" $1 "*) eval "found=\$says_$1" ;;
    *) return 1 ;;
  esac
}

# Sets $file to the JSON of a line of the vector, parsed. Most vectors say what the one before them said.
parsed() { # NAME
  file=$work/none
  says "$1" || return
  file=$work/line-$1 said=
  eval "said=\${line_$1-}; line_$1=\$found"
  [ "$found" = "$said" ] || printf '%s' "$found" | parse '' >"$file"
}

answer_host() {
  host=$work/host
  tr '\000' '\001' <"$body" | parse '' >"$host"
  says profile
  if ! host_key "$found"; then
    problem "$why" && line ''
    return
  fi
  host_tags "$found"
  tags=
  for name in $(components_of "$found"); do
    eval "tag=\$tag_$name"
    # shellcheck disable=SC2154  # of the line before
    [ -z "$tag" ] || tags="$tags${tags:+,}\"$name\":\"$tag\""
  done
  line "\"key\":\"$key\",\"tags\":{$tags},"
}

answer_license() {
  parsed host && host=$file
  parsed settings || file=$work/empty
  settings=$file
  parsed memory
  memory=$file
  ! says revocations || printf '%s\n' "$found" | openssl base64 -d -A >"$work/beside"
  ! says known || printf '%s\n' "$found" | openssl base64 -d -A >"$work/known-file"
  [ -z "$others" ] || cp "$work/usual-roots" "$work/roots"
  others=
  if parsed roots; then
    others=yes
    : >"$work/roots"
    at=0
    while member "$file" "/$at/"; do
      trust_key "$value" || { problem trusted-key-invalid && line '' && return; }
      at=$((at + 1))
    done
  fi
  says now
  check "$body" "$found" "$host" "$settings" "$memory" "$work/beside" "$work/known-file"
  line ''
}

answer_text() {
  if parse_request "$body"; then
    line "\"request\":$(cat "$work/request.json"),"
  else
    problem "$why" && line ''
  fi
}

answer_thumbprint() {
  tr '\000' '\001' <"$body" | parse '' >"$work/jwk"
  member "$work/jwk" /x/ || value=
  if key_of "$value"; then line "\"kid\":\"$kid\","; else problem trusted-key-invalid && line ''; fi
}

answer_signature() {
  says x && x=$found
  says signature
  if ! key_of "$x"; then
    problem trusted-key-invalid && line ''
    return
  fi
  holds=false
  ! is_base64url "$found" || ! verifies "$(printf '%s' "$x" | tr -- '-_' '+/')" "$found" "$body" || holds=true
  line "\"holds\":$holds,"
}

answer() { # VECTOR
  body=$work/body problems='' notices='' details='' asked='' several='' names='' size=2
  while IFS= read -r row && [ -n "$row" ]; do
    name=${row%%:*} size=$((size + ${#row} + 1))
    eval "says_$name=\${row#*: }"
    names="$names $name"
  done <"$1"
  tail -c +$size "$1" >"$body"
  for file in beside known-file; do [ ! -f "$work/$file" ] || rm "$work/$file"; done
  says kind
  "answer_$found"
}

trust "$1" || exit 1
cp "$work/roots" "$work/usual-roots"
: >"$work/empty"
others= # whether the last vector trusted other roots
while read -r vector; do answer "$vector"; done
