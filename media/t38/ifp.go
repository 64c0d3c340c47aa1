package t38

// Kind is what an IFP packet is (T.38 clause 7.2).
type Kind uint8

const (
	// Unknown is none of the below, or malformed.
	Unknown Kind = iota
	// Indicator announces a signal of the fax machine.
	Indicator
	// Data carries what was modulated.
	Data
)

// String is a metrics label.
func (k Kind) String() string { return [...]string{"unknown", "indicator", "data"}[min(k, Data)] }

// The numbers of T.38 annex A below these are in the root of an enumeration,
// the others in its extension.
const (
	rootIndicators  = 16
	rootModulations = 9
)

func indicator(n int) string {
	names := [...]string{"no-signal", "cng", "ced", "v21-preamble", "v27-2400-training", "v27-4800-training", "v29-7200-training",
		"v29-9600-training", "v17-7200-short-training", "v17-7200-long-training", "v17-9600-short-training", "v17-9600-long-training",
		"v17-12000-short-training", "v17-12000-long-training", "v17-14400-short-training", "v17-14400-long-training",
		/* extension: */ "v8-ansam", "v8-signal", "v34-cntl-channel-1200", "v34-pri-channel", "v34-CC-retrain", "v33-12000-training", "v33-14400-training"}
	if n >= len(names) {
		return ""
	}
	return names[n]
}

func modulation(n int) string {
	names := [...]string{"v21", "v27-2400", "v27-4800", "v29-7200", "v29-9600", "v17-7200", "v17-9600", "v17-12000", "v17-14400",
		/* extension: */ "v8", "v34-pri-rate", "v34-CC-1200", "v34-pri-ch", "v33-12000", "v33-14400"}
	if n >= len(names) {
		return ""
	}
	return names[n]
}

// Classify tells what an IFP packet is, and the name of its signal or
// modulation, such as "ced" or "v17-14400".
func Classify(ifp []byte) (k Kind, name string) {
	if len(ifp) == 0 {
		return Unknown, ""
	}
	root, data := rootIndicators, ifp[0]&0x40 != 0
	if data {
		root = rootModulations
	}
	n := int(ifp[0] >> 1 & 0xf)
	if ifp[0]&0x20 != 0 { // an extension: seven bits, the first of them zero
		if len(ifp) < 2 || ifp[0]&0x10 != 0 {
			return Unknown, ""
		}
		n = root + int(ifp[0]&0xf)<<2 + int(ifp[1]>>6)
	} else if n >= root {
		return Unknown, ""
	}
	if k, name = Indicator, indicator(n); data {
		k, name = Data, modulation(n)
	}
	if name == "" {
		return Unknown, ""
	}
	return k, name
}
