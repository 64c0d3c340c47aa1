package ng

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxClients is how many clients are counted apart; all others are counted as
// one.
const maxClients = 256

// command is one of the protocol, with what rtpengine calls it in figures.
type command struct{ name, short string }

// commands are those that are counted, in the order of rtpengine.
var commands = []command{
	{"ping", "ping"}, {"offer", "offer"}, {"answer", "answer"}, {"delete", "delete"}, {"query", "query"}, {"list", "list"},
	{"start recording", "startrec"}, {"stop recording", "stoprec"}, {"pause recording", "pauserec"},
	{"start forwarding", "startfwd"}, {"stop forwarding", "stopfwd"},
	{"block DTMF", "blkdtmf"}, {"unblock DTMF", "unblkdtmf"}, {"block media", "blkmedia"}, {"unblock media", "unblkmedia"},
	{"play media", "playmedia"}, {"stop media", "stopmedia"}, {"play DTMF", "playdtmf"}, {"statistics", "stats"},
	{"silence media", "slnmedia"}, {"unsilence media", "unslnmedia"}, {"publish", "pub"}, {"subscribe request", "subreq"},
	{"subscribe answer", "subans"}, {"unsubscribe", "unsub"}, {"inject start", "injstart"}, {"inject stop", "injstop"},
	{"connect", "conn"}, {"cli", "cli"}, {"transform", "trnsfm"}, {"create", "create"}, {"create answer", "crtansw"}, {"mesh", "mesh"},
}

// CommandStats are what came of one command.
type CommandStats struct {
	Command string        // as the protocol has it, such as "block DTMF"
	Count   uint64        // carried out, with errors or without
	Time    time.Duration // spent on all of them
}

// ClientStats are what a client asked for since the start of a server.
type ClientStats struct {
	Client   netip.Addr // invalid: all those after the first 256
	Errors   uint64     // replies that were an error, of unknown commands too
	Commands []CommandStats
}

// CommandInterval are the figures of a command in the last full minute, by the
// server's clock. Times are zero when it did not come.
type CommandInterval struct {
	Command                   string
	MinTime, MaxTime, AvgTime time.Duration // spent on one
	MinRate, MaxRate, AvgRate uint64        // in a second, for the mean to the nearest number
}

// tally counts commands.
type tally struct {
	mu      sync.Mutex
	clients map[netip.Addr]*clientTally
	second  int64 // of present
	present []uint64
	open    minute // to which second belongs
	last    minute
}

type clientTally struct {
	errors   uint64
	commands []CommandStats
}

// minute is what happened in one.
type minute struct {
	at       int64 // since the epoch
	seconds  uint64
	commands []inMinute
}

type inMinute struct {
	count, least, most uint64 // in a second
	min, max, sum      time.Duration
}

func newTally(now time.Time) *tally {
	t := &tally{clients: map[netip.Addr]*clientTally{}, second: now.Unix(), present: make([]uint64, len(commands))}
	t.open = minute{at: t.second / 60, commands: make([]inMinute, len(commands))}
	t.last = minute{commands: make([]inMinute, len(commands))}
	return t
}

// count notes that a command was carried out.
func (t *tally) count(name string, client netip.Addr, spent time.Duration, failed bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.roll(now.Unix())
	c := t.of(client)
	if failed {
		c.errors++
	}
	i := slices.IndexFunc(commands, func(x command) bool { return same(x.name, name) })
	if i < 0 {
		return
	}
	c.commands[i].Count++
	c.commands[i].Time += spent
	t.present[i]++
	m := &t.open.commands[i]
	if m.count == 0 || spent < m.min {
		m.min = spent
	}
	m.max = max(m.max, spent)
	m.sum += spent
	m.count++
}

func (t *tally) of(client netip.Addr) *clientTally {
	client = client.Unmap()
	if t.clients[client] == nil && len(t.clients) >= maxClients {
		client = netip.Addr{}
	}
	c := t.clients[client]
	if c == nil {
		c = &clientTally{commands: make([]CommandStats, len(commands))}
		for i := range commands {
			c.commands[i].Command = commands[i].name
		}
		t.clients[client] = c
	}
	return c
}

// roll closes the seconds that are over, and the minute.
func (t *tally) roll(second int64) {
	if second-t.second > 120 { // nothing came in the last full minute
		t.closeSecond()
		t.open = minute{at: second/60 - 1, seconds: 59, commands: make([]inMinute, len(commands))}
		t.second = 60*(second/60) - 1
	}
	for t.second < second {
		t.closeSecond()
		t.second++
		if at := t.second / 60; at != t.open.at {
			t.last = t.open
			t.open = minute{at: at, commands: make([]inMinute, len(commands))}
		}
	}
}

func (t *tally) closeSecond() {
	for i, n := range t.present {
		m := &t.open.commands[i]
		if t.open.seconds == 0 || n < m.least {
			m.least = n
		}
		m.most = max(m.most, n)
		t.present[i] = 0
	}
	t.open.seconds++
}

// Clients returns what the clients asked for, in the order of their addresses.
func (s *Server) Clients() []ClientStats {
	t := s.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]ClientStats, 0, len(t.clients))
	for a, c := range t.clients {
		list = append(list, ClientStats{Client: a, Errors: c.errors, Commands: slices.Clone(c.commands)})
	}
	slices.SortFunc(list, func(a, b ClientStats) int { return a.Client.Compare(b.Client) })
	return list
}

// Interval returns the figures of all commands in the last full minute.
func (s *Server) Interval() []CommandInterval {
	t := s.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	t.roll(s.now().Unix())
	list := make([]CommandInterval, len(commands))
	for i, m := range t.last.commands {
		list[i] = CommandInterval{Command: commands[i].name, MinTime: m.min, MaxTime: m.max, MinRate: m.least, MaxRate: m.most}
		if m.count > 0 {
			list[i].AvgTime = m.sum / time.Duration(m.count)
		}
		if n := t.last.seconds; n > 0 {
			list[i].AvgRate = (m.count + n/2) / n
		}
	}
	return list
}
