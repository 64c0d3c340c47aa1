package call

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Directory knows domains, subscribers and numbers.
type Directory interface {
	routing.Directory
	Subscriber(ctx context.Context, user, domain string) (*directory.Profile, error)
}

// Peering knows the foreign networks that send calls.
type Peering interface {
	// PeerAt is the one that sends from an address, "" when none does.
	PeerAt(ctx context.Context, from netip.Addr) (string, error)
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

// Watch hears of calls that cost something while they last. It must not block.
type Watch interface {
	Answered(id string, e *billing.Event)
	Ended(id string)
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
	Peering   Peering // nil: every caller is a subscriber
	// Outside is the Route by which an edge takes a request to a foreign
	// network, "" when none does; nil for none.
	Outside  func(of []byte) string
	Apps     map[string]string // contact URI of each application
	Media    Media
	Profiles Policy // how parties are spoken to that have not offered anything
	Digits   DigitPolicy
	Keys     Keys           // the relay of Media; nil: digits pass as they come
	DigitsTo netip.AddrPort // where a relay elsewhere reports digits, if it takes that with a call; see Core.Dialled
	// Beside runs work, which asks a relay elsewhere and may take its time, on
	// another goroutine and then done on the shard of a Call-ID: the core goes on
	// meanwhile. nil asks in place, which is right for a relay that never blocks.
	Beside func(callID string, work func(context.Context), done func(now time.Time))
	Events Recorder
	Credit Credit // of prepaid callers; nil: they can't call
	Watch  Watch  // of what callers spend; nil for nobody's
	// Warn tells the caller of a media session that its credit ends soon; nil
	// for a count only.
	Warn    func(ctx context.Context, id, callerTag string, left time.Duration) error
	Calls   *dialog.Registry
	Sign    func(dst, id, callID []byte) []byte // signature of a dialog id
	Verify  func(sig, id, callID []byte) bool   // of Sign's
	Interim time.Duration                       // between proofs that a call lives; 0 means 1 min
	Timeout time.Duration                       // for stores and a relay in this process; 0 means 2 s
	// Patience is for one question to relays elsewhere, several of which may
	// have to be tried; 0 means 5 s.
	Patience time.Duration
	Log      *slog.Logger
	Stats    *Stats

	asked referrals
}

// context bounds how long a core waits for others.
func (s *Shared) context() (context.Context, context.CancelFunc) {
	d := s.Timeout
	if d == 0 {
		d = 2 * time.Second
	}
	b := &bounded{until: time.Now().Add(d)}
	return b, b.cancel
}

func (s *Shared) patience() time.Duration {
	if s.Patience > 0 {
		return s.Patience
	}
	return 5 * time.Second
}
