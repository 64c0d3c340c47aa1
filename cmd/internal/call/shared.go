package call

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Media anchors the streams of a call: the relay in this process, or one
// elsewhere that speaks the same terms.
type Media interface {
	Offer(context.Context, relay.OfferRequest) ([]byte, error)
	Answer(context.Context, relay.AnswerRequest) ([]byte, error)
	Delete(context.Context, relay.DeleteRequest) (relay.Report, error)
}

// Directory knows domains, subscribers and numbers.
type Directory interface {
	routing.Directory
	Subscriber(ctx context.Context, user, domain string) (*directory.Profile, error)
}

// Recorder keeps billing events.
type Recorder interface {
	// Record returns when the event is on disk.
	Record(ctx context.Context, e *billing.Event) error
	// Note keeps an event whose loss costs nothing but accuracy.
	Note(e *billing.Event)
	// Ready is an error while no further call can be recorded: then new calls
	// are refused.
	Ready() error
}

// Source is who sent a request, as an edge saw it.
type Source struct {
	Addr      netip.AddrPort
	Transport string
	Edge      string
}

// Shared is what all cores of a proxy have in common.
type Shared struct {
	Node      string
	Self      netip.AddrPort                                      // our UDP address, in Via and Record-Route
	Edge      func(*wire.Message, transport.Flow) (Source, error) // who sent it; an error means that no edge of ours did
	Resolve   func(wire.URI) (transport.Flow, error)
	Registrar *registrar.Registrar
	Bindings  registrar.Store
	Digest    *digest.Server
	Directory Directory
	Router    *routing.Router
	Apps      map[string]string // contact URI of each application
	Media     Media
	Events    Recorder
	Calls     *dialog.Registry
	Sign      func(dst, id, callID []byte) []byte // signature of a dialog id
	Verify    func(sig, id, callID []byte) bool   // of Sign's
	Interim   time.Duration                       // between proofs that a call lives; 0 means 15 s
	Timeout   time.Duration                       // for stores and media control; 0 means 2 s
	Log       *slog.Logger
	Stats     *Stats
}

// context bounds how long a core waits for others.
func (s *Shared) context() (context.Context, context.CancelFunc) {
	d := s.Timeout
	if d == 0 {
		d = 2 * time.Second
	}
	return context.WithTimeout(context.Background(), d)
}
