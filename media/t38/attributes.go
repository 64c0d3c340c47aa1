package t38

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// ErrAttribute means an attribute whose value cannot be read.
var ErrAttribute = errors.New("t38: attribute")

// Values of RateManagement and of UDPErrorCorrection.
const (
	LocalTCF        = "localTCF"
	TransferredTCF  = "transferredTCF"
	UDPRedundancy   = "t38UDPRedundancy"
	UDPFEC          = "t38UDPFEC"
	NoErrorRecovery = "t38UDPNoEC"
)

// Attributes are those of a T.38 media description (T.38 annex D). Numbers
// that are absent are -1.
type Attributes struct {
	Version            int    // T38FaxVersion; absent: 0
	MaxBitRate         int    // bits per second
	FillBitRemoval     bool   // T38FaxFillBitRemoval
	TranscodingMMR     bool   // T38FaxTranscodingMMR
	TranscodingJBIG    bool   // T38FaxTranscodingJBIG
	RateManagement     string // TransferredTCF with UDP
	MaxBuffer          int    // octets
	MaxDatagram        int    // octets, of UDPTL
	MaxIFP             int    // octets
	UDPErrorCorrection string // T38FaxUdpEC
	UDPECDepth         string // T38FaxUdpECDepth: minimum and maximum
	FECMaxSpan         int    // T38FaxUdpFECMaxSpan
	ModemType          string // T38ModemType
	VendorInfo         string
}

// ParseAttributes reads the attributes of a description, names and values.
// Others are passed over; names are compared without case, as devices write
// them in many ways. A value that cannot be read is reported, and the rest is
// returned all the same.
func ParseAttributes(attrs iter.Seq2[string, string]) (a Attributes, err error) {
	a = Attributes{MaxBitRate: -1, MaxBuffer: -1, MaxDatagram: -1, MaxIFP: -1, FECMaxSpan: -1}
	for name, value := range attrs {
		e := a.set(strings.ToLower(name), strings.TrimSpace(value))
		if e != nil && err == nil {
			err = fmt.Errorf("%w: %s: %w", ErrAttribute, name, e)
		}
	}
	return a, err
}

func (a *Attributes) set(name, value string) error {
	switch name {
	case "t38faxversion":
		return number(&a.Version, value, 255)
	case "t38maxbitrate", "t38faxmaxrate":
		return number(&a.MaxBitRate, value, 1<<20)
	case "t38faxfillbitremoval":
		return flag(&a.FillBitRemoval, value)
	case "t38faxtranscodingmmr":
		return flag(&a.TranscodingMMR, value)
	case "t38faxtranscodingjbig":
		return flag(&a.TranscodingJBIG, value)
	case "t38faxratemanagement":
		return word(&a.RateManagement, value)
	case "t38faxmaxbuffer":
		return number(&a.MaxBuffer, value, 1<<24)
	case "t38faxmaxdatagram":
		return number(&a.MaxDatagram, value, 1<<16)
	case "t38faxmaxifp":
		return number(&a.MaxIFP, value, 1<<16)
	case "t38faxudpec":
		return word(&a.UDPErrorCorrection, value)
	case "t38faxudpecdepth":
		return word(&a.UDPECDepth, value)
	case "t38faxudpfecmaxspan":
		return number(&a.FECMaxSpan, value, 255)
	case "t38modemtype":
		return word(&a.ModemType, value)
	case "t38vendorinfo":
		return word(&a.VendorInfo, value)
	}
	return nil
}

func number(to *int, value string, limit uint64) error {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n > limit {
		return fmt.Errorf("number %.20q", value)
	}
	*to = int(n)
	return nil
}

// flag: the attribute is enough; some write its value.
func flag(to *bool, value string) error {
	if value != "" && value != "0" && value != "1" {
		return fmt.Errorf("flag %.20q", value)
	}
	*to = value != "0"
	return nil
}

func word(to *string, value string) error {
	if value == "" || len(value) > 256 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("word %.20q", value)
	}
	*to = value
	return nil
}

// All iterates over names and values in the usual order, to be written as
// attributes. A flag has the value "": it is written without a colon, and left
// out when it is not set.
func (a Attributes) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, f := range []struct {
			name string
			text string
			has  bool
		}{
			{"T38FaxVersion", strconv.Itoa(a.Version), true},
			{"T38MaxBitRate", strconv.Itoa(a.MaxBitRate), a.MaxBitRate >= 0},
			{"T38FaxFillBitRemoval", "", a.FillBitRemoval},
			{"T38FaxTranscodingMMR", "", a.TranscodingMMR},
			{"T38FaxTranscodingJBIG", "", a.TranscodingJBIG},
			{"T38FaxRateManagement", a.RateManagement, a.RateManagement != ""},
			{"T38FaxMaxBuffer", strconv.Itoa(a.MaxBuffer), a.MaxBuffer >= 0},
			{"T38FaxMaxDatagram", strconv.Itoa(a.MaxDatagram), a.MaxDatagram >= 0},
			{"T38FaxMaxIFP", strconv.Itoa(a.MaxIFP), a.MaxIFP >= 0},
			{"T38FaxUdpEC", a.UDPErrorCorrection, a.UDPErrorCorrection != ""},
			{"T38FaxUdpECDepth", a.UDPECDepth, a.UDPECDepth != ""},
			{"T38FaxUdpFECMaxSpan", strconv.Itoa(a.FECMaxSpan), a.FECMaxSpan >= 0},
			{"T38ModemType", a.ModemType, a.ModemType != ""},
			{"T38VendorInfo", a.VendorInfo, a.VendorInfo != ""},
		} {
			if f.has && !yield(f.name, f.text) {
				return
			}
		}
	}
}
