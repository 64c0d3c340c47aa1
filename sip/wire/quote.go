package wire

// AppendQuote appends s as a quoted-string (RFC 3261 25.1).
func AppendQuote[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// Unquote removes the quotes around b. What is between them stays as it is, backslashes included; AppendUnquoted
// resolves those. b without quotes is returned as it is.
func Unquote(b []byte) []byte {
	if n := len(b); n >= 2 && b[0] == '"' && b[n-1] == '"' {
		return b[1 : n-1]
	}
	return b
}

// AppendUnquoted appends the text that the quoted-string b means: quotes and backslashes removed, a fold read as
// one SP. A b without quotes is appended with its white space runs read as one SP.
func AppendUnquoted(dst, b []byte) []byte {
	quoted := len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"'
	if quoted {
		b = b[1 : len(b)-1]
	}
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\' && i+1 < len(b):
			i++
			dst = append(dst, b[i])
		case c == '\r' || c == '\n' || !quoted && is(c, clLWS):
			i = skipLWS(b, i) - 1
			for len(dst) > 0 && dst[len(dst)-1] == ' ' && quoted {
				dst = dst[:len(dst)-1]
			}
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// UnquoteDisplay is the text of a display name as NameAddr.Display gives it.
func UnquoteDisplay(display []byte) string { return string(AppendUnquoted(nil, display)) }

// AppendUnfolded appends b with every fold (CR LF and white space) read as one SP (RFC 3261 7.3.1). The result may be
// inserted by an Edit, unless a quoted-pair in it holds a control character: see AppendPlain.
func AppendUnfolded(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '\r' && b[i] != '\n' {
			dst = append(dst, b[i])
			continue
		}
		dst = append(dst, ' ')
		i = skipLWS(b, i) - 1
	}
	return dst
}

// AppendPlain is AppendUnfolded, and writes SP for the control characters that a quoted-pair may hold: harmless to
// insert, and to readers that stop at NUL.
func AppendPlain(dst, b []byte) []byte {
	if nextControl(b, 0) == len(b) {
		return append(dst, b...)
	}
	lo := len(dst)
	dst = AppendUnfolded(dst, b)
	for i := nextControl(dst, lo); i < len(dst); i = nextControl(dst, i+1) {
		if dst[i] != '\t' {
			dst[i] = ' '
		}
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

// AppendEscapedUser appends s as the user part of a sip URI: every octet that the grammar does not let stand there
// is written as %HH, "%" and ":" as well, so that s comes back by Unescape whatever it is.
func AppendEscapedUser[T ~string | ~[]byte](dst []byte, s T) []byte {
	for i := range len(s) {
		c := s[i]
		if is(c, clUser) && c != '#' && c < 0x80 {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

// AppendUnescaped appends b with every %HH replaced by its octet. A "%" without two digits stays.
func AppendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && isEscape(b[i:]) {
			dst = append(dst, unhex(b[i+1])<<4|unhex(b[i+2]))
			i += 2
			continue
		}
		dst = append(dst, b[i])
	}
	return dst
}

// Unescape is AppendUnescaped as a string.
func Unescape(b []byte) string { return string(AppendUnescaped(nil, b)) }
