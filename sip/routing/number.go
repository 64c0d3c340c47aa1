package routing

// maxNumber is the length of an E.164 number in digits, and one for prefixes
// that operators put before it.
const maxNumber = 20

// E164 reads a dialled user part as a telephone number and returns its digits
// without "+", "00" or visual separators. It is false for anything that is
// not a number, such as a user name with letters.
func E164(user string) (string, bool) {
	digits := make([]byte, 0, len(user))
	for i := range len(user) {
		switch c := user[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == '+' && i == 0:
		case (c == '-' || c == '.' || c == '(' || c == ')') && i > 0:
		default:
			return "", false
		}
	}
	if user != "" && user[0] != '+' && len(digits) > 4 && digits[0] == '0' && digits[1] == '0' {
		digits = digits[2:]
	}
	if len(digits) == 0 || len(digits) > maxNumber {
		return "", false
	}
	return string(digits), true
}

func lower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}
