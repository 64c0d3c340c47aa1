package wire

// Defaults of Limits.
const (
	DefaultMessage    = 65536
	DefaultHeaders    = 256
	DefaultHeaderLine = 8192
	DefaultValues     = 70
	DefaultContacts   = 128
	DefaultParams     = 64
)

// messageParams times Limits.Params are the header parameters of one message.
const messageParams = 16

// maxHeaders is the size of the header table in a Message and the highest useful Limits.Headers.
const maxHeaders = 256

// Limits bound what Parse and Framer accept. A zero field, like a nil *Limits, means the default. What goes beyond one is
// refused with a Reason of its own (ReasonTooLarge, ReasonTooManyHeaders, ReasonHeaderTooLong, ReasonTooManyValues,
// ReasonTooManyContacts, ReasonTooManyParams) and, where an answer is possible, 513 (Message Too Large).
type Limits struct {
	Message    int // octets of a whole message; default 65536
	Headers    int // header lines; default and ceiling 256
	HeaderLine int // octets of one header with its folds, and of the start line; default 8192, ceiling 65535
	Values     int // comma-separated values of Via, of Route, of Record-Route ... each, Contact apart; default 70
	Contacts   int // values of Contact, such as the bindings of one REGISTER or its 200; default 128
	Params     int // header parameters of one value, and a sixteenth of what all values may have together; default 64
}

func (l *Limits) orDefaults() Limits {
	if l == nil {
		return Limits{DefaultMessage, DefaultHeaders, DefaultHeaderLine, DefaultValues, DefaultContacts, DefaultParams}
	}
	d := *l
	set := func(v *int, def, ceiling int) {
		if *v <= 0 {
			*v = def
		}
		*v = min(*v, ceiling)
	}
	set(&d.Message, DefaultMessage, 1<<30)
	set(&d.Headers, DefaultHeaders, maxHeaders)
	set(&d.HeaderLine, DefaultHeaderLine, 1<<16-1)
	set(&d.Values, DefaultValues, 1<<16-1)
	set(&d.Contacts, DefaultContacts, 1<<16-1)
	set(&d.Params, DefaultParams, 1<<16-1)
	return d
}

// noLimit is for values that Parse has counted already, and for those that a caller hands in.
const noLimit = 1 << 30
