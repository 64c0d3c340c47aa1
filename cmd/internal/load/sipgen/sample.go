package sipgen

import "github.com/class5-go/class5/sip/wire"

// Sample is a message as the clients of NewRelay send them.
type Sample struct {
	Name string
	Data []byte
	Part int // how many of four messages are of this kind
}

// Samples are one message of each kind.
func Samples() ([]Sample, error) {
	lane := &Lane{run: &Run{}}
	op, out := NewRelay(lane, 1), &recorder{}
	var all []Sample
	for n := uint64(1); n <= 4; n++ {
		op.Begin(n, out)
		var m wire.Message
		if err := m.Parse(out.last, nil); err != nil {
			return nil, err
		}
		switch m.Method() {
		case wire.INVITE:
			answer, err := wire.AppendResponse(nil, &m, 200, "", proxyTag, wire.Field{ID: wire.HdrRecordRoute,
				Value: []byte("<sip:192.0.2.1:5060;lr>, <sip:192.0.2.2:5060;transport=udp;lr;r2=on>")})
			if err != nil {
				return nil, err
			}
			all = append(all, Sample{"INVITE", out.last, 1})
			if err := m.Parse(answer, nil); err != nil {
				return nil, err
			}
			op.Response(&m, out)
		case wire.BYE:
			all = append(all, Sample{"BYE", out.last, 1})
		default:
			if n == 1 {
				all = append(all, Sample{"REGISTER", out.last, 2})
			}
		}
	}
	return all, nil
}

// recorder keeps what an operation sends.
type recorder struct{ last []byte }

func (r *recorder) Send(msg []byte) { r.last = append([]byte(nil), msg...) }
func (r *recorder) Mark()           {}
