package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/zaf/g711"

	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
)

const (
	clock = 8000 // samples a second
	frame = 160  // samples a packet: 20 ms
)

// media is the voice of the phone: one RTP socket, a goroutine that sends and
// one that hears.
type media struct {
	conn   *net.UDPConn
	local  sdp.LocalMedia
	sound  []int16 // sent again and again; empty is silence
	record string

	mu       sync.Mutex
	choice   sdp.Choice
	version  uint64
	running  bool
	sent     uint64
	receiver rtpstat.Receiver
	samples  []int16
	last     uint32 // timestamp that is recorded up to

	done  chan struct{}
	work  sync.WaitGroup
	close func()
}

func newMedia(local netip.Addr, o *options) (*media, error) {
	sound, err := o.sound()
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, err
	}
	m := &media{conn: conn, sound: sound, record: o.record, done: make(chan struct{})}
	m.local = sdp.LocalMedia{
		Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Codecs: strings.Split(o.codecs, ","), User: o.user, SessionID: uint64(rand.Uint32()),
	}
	m.local.Addr = netip.AddrPortFrom(local, m.local.Addr.Port())
	m.close = sync.OnceFunc(func() {
		close(m.done)
		conn.Close()
		m.work.Wait()
	})
	m.work.Go(m.hear)
	return m, nil
}

// sound is what to send: the recording, or one second of a tone.
func (o *options) sound() ([]int16, error) {
	if o.wav != "" {
		b, err := os.ReadFile(o.wav)
		if err != nil {
			return nil, err
		}
		return readWAV(b)
	}
	if o.tone == 0 {
		return nil, nil
	}
	s := make([]int16, clock)
	for i := range s {
		s[i] = int16(8000 * math.Sin(2*math.Pi*float64(o.tone)*float64(i)/clock))
	}
	return s, nil
}

// offer is a description that nobody has asked for.
func (m *media) offer() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sdp.Offer(m.local)
}

// answer takes an offer; without one it makes an own.
func (m *media) answer(offer []byte) ([]byte, error) {
	if len(offer) == 0 {
		return m.offer(), nil
	}
	d, err := sdp.Parse(offer, nil)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	local := m.local
	local.Version = m.version
	m.version++
	m.mu.Unlock()
	body, choice, err := sdp.Answer(d, local)
	if err != nil {
		return nil, err
	}
	m.start(choice)
	return body, nil
}

// answered takes the answer to an own offer.
func (m *media) answered(body []byte) error {
	d, err := sdp.Parse(body, nil)
	if err != nil {
		return err
	}
	choice, err := sdp.Negotiated(d, m.local)
	if err != nil {
		return err
	}
	m.start(choice)
	return nil
}

// start sends from now on as negotiated, and goes on otherwise when it did.
func (m *media) start(c sdp.Choice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.choice = c
	if !m.running {
		m.running = true
		m.work.Go(m.speak)
	}
}

// speak sends a packet every 20 ms.
func (m *media) speak() {
	ssrc, sequence, timestamp := rand.Uint32(), uint16(rand.Uint32()), rand.Uint32()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	room := make([]byte, 0, rtpwire.HeaderSize+frame)
	for at, first := 0, true; ; timestamp, sequence = timestamp+frame, sequence+1 {
		m.mu.Lock()
		c := m.choice
		m.mu.Unlock()
		if c.Direction.Sends() && c.Remote.IsValid() && !c.Remote.Addr().IsUnspecified() {
			room = rtpwire.Header{Marker: first, PayloadType: c.Codec.PayloadType, Sequence: sequence, Timestamp: timestamp, SSRC: ssrc}.Append(room[:0])
			for range frame {
				room = append(room, encode(c.Codec, m.sample(at)))
				at++
			}
			first = false
			if _, err := m.conn.WriteToUDPAddrPort(room, c.Remote); err == nil {
				m.mu.Lock()
				m.sent++
				m.mu.Unlock()
			}
		}
		select {
		case <-tick.C:
		case <-m.done:
			return
		}
	}
}

func (m *media) sample(at int) int16 {
	if len(m.sound) == 0 {
		return 0
	}
	return m.sound[at%len(m.sound)]
}

func encode(c sdp.Codec, s int16) byte {
	if c.Is("PCMU", clock) {
		return g711.EncodeUlawFrame(s)
	}
	return g711.EncodeAlawFrame(s)
}

// hear counts and records what comes in.
func (m *media) hear() {
	room := make([]byte, 2048)
	start := time.Now()
	for {
		n, _, err := m.conn.ReadFromUDPAddrPort(room)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // such as an ICMP error of the other side's port
		}
		h, payload, ok := rtpwire.Parse(room[:n])
		if ok && (h.PayloadType == 0 || h.PayloadType == 8) {
			m.take(h, payload, n, time.Since(start))
		}
	}
}

func (m *media) take(h rtpwire.Header, payload []byte, size int, at time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.receiver.Packet(h, size, clock, at)
	if m.record == "" || len(m.samples) > clock*3600 {
		return
	}
	// What was lost is silence; what came late has been replaced by it.
	if gap := int32(h.Timestamp - m.last); len(m.samples) > 0 && gap > 0 && gap < 5*clock {
		m.samples = append(m.samples, make([]int16, gap)...)
	} else if len(m.samples) > 0 && gap < 0 && gap > -5*clock {
		return
	}
	m.last = h.Timestamp + uint32(len(payload))
	for _, b := range payload {
		if h.PayloadType == 0 {
			m.samples = append(m.samples, g711.DecodeUlawFrame(b))
		} else {
			m.samples = append(m.samples, g711.DecodeAlawFrame(b))
		}
	}
}

// heard is the number of packets that came in.
func (m *media) heard() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.receiver.Snapshot().Packets
}

// figures are for people and scripts.
func (m *media) figures() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.receiver.Snapshot()
	return fmt.Sprintf("sent %d packets, received %d, lost %d, jitter %v", m.sent, r.Packets, r.Lost, r.Jitter.Round(10*time.Microsecond))
}

// String says what was negotiated.
func (m *media) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("%s with %v", m.choice.Codec.Name, m.choice.Remote)
}

// save writes the recording.
func (m *media) save() error {
	if m.record == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return os.WriteFile(m.record, writeWAV(m.samples), 0o600)
}
