package rtpwire

// Extension finds a header extension element by its identifier (RFC 8285,
// one-byte and two-byte form). The data points into the packet.
func Extension(b []byte, id uint8) (data []byte, ok bool) {
	profile, at, end, ok := extensionBlock(b)
	if !ok || at == end || id == 0 || !elements(profile) {
		return nil, false
	}
	for has, data, rest, more := nextElement(profile, b[at+4:end]); more; has, data, rest, more = nextElement(profile, rest) {
		if has == id {
			return data, true
		}
	}
	return nil, false
}
