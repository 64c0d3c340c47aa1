package tap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// FileConfig says where and how much a File writes. Only Path is required.
type FileConfig struct {
	// Path is the newest file; older ones are Path.1, Path.2 and so on. What is
	// there when File begins counts as older.
	Path string
	// MaxBytes is the size at which the next file begins; zero is 64 MiB.
	MaxBytes int64
	// Keep is how many older files are kept; zero is 4, negative none.
	Keep int
	// Listeners gives the interfaces of the file their names, see
	// transport.Endpoint.Listeners; without it they are numbered.
	Listeners []transport.ListenerInfo
}

// File is a Sink that writes pcapng files, which only their owner may read.
type File struct {
	cfg    FileConfig
	f      io.WriteCloser
	w      *pcapgo.NgWriter
	size   int64
	ifaces map[uint8]int
	packet framer
	at     time.Time // of the latest message
	retry  time.Time // when a file that failed is tried again

	begun   time.Time // when the file was opened
	retried bool      // in place of one that broke
	spoilt  bool      // and it broke soon, too: it takes no older one's place
	create  func(path string) (io.WriteCloser, error)
}

const (
	// pause is how long a file that can't be written is left alone.
	pause = time.Second
	// soon is how long a file lives at least that is worth keeping although it is
	// one of several that broke: on a full disk each takes a little and breaks, and
	// the older ones, which are whole, would all make room for such.
	soon = time.Minute
)

func create(path string) (io.WriteCloser, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

var errBroken = errors.New("tap: file can't be written")

// NewFile opens the first file.
func NewFile(cfg FileConfig) (*File, error) {
	if cfg.Path == "" {
		return nil, errors.New("tap: no path")
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 64 << 20
	}
	if cfg.Keep == 0 {
		cfg.Keep = 4
	}
	f := &File{cfg: cfg, create: create}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

// String names the sink in logs.
func (f *File) String() string { return "pcapng " + f.cfg.Path }

// Write implements Sink.
func (f *File) Write(m *Message) error {
	f.at = m.At
	if f.w == nil || f.size >= f.cfg.MaxBytes {
		if err := f.next(m.At); err != nil {
			return err
		}
	}
	iface, err := f.iface(m)
	for frame := range f.packet.frames(m) {
		if err != nil {
			break
		}
		info := gopacket.CaptureInfo{Timestamp: m.At, CaptureLength: len(frame), Length: len(frame), InterfaceIndex: iface}
		err = f.w.WritePacket(info, frame)
		f.size += int64(len(frame)) + 32 // with the block around it
	}
	if err != nil {
		f.fail(m.At)
		return fmt.Errorf("tap: %w", err)
	}
	return nil
}

// Flush implements Sink.
func (f *File) Flush() error {
	if f.w == nil {
		return nil // told by Write
	}
	if err := f.w.Flush(); err != nil {
		f.fail(f.at)
		return fmt.Errorf("tap: %w", err)
	}
	return nil
}

// Close implements Sink.
func (f *File) Close() error {
	if f.w == nil {
		return nil
	}
	err := errors.Join(f.w.Flush(), f.f.Close())
	f.w, f.f = nil, nil
	if err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	return nil
}

// next begins another file, if the last attempt is not too fresh.
func (f *File) next(now time.Time) error {
	if f.w == nil && now.Before(f.retry) {
		return errBroken
	}
	broken := f.w == nil
	err := f.Close()
	if err == nil {
		err = f.open()
	}
	if err != nil {
		f.retry = now.Add(pause)
		return err
	}
	f.begun, f.retried = now, broken
	return nil
}

// fail gives up the file that broke.
func (f *File) fail(now time.Time) {
	_ = f.f.Close()
	f.w, f.f, f.retry = nil, nil, now.Add(pause)
	f.spoilt = f.retried && now.Sub(f.begun) < soon
}

func (f *File) open() error {
	var err error
	if f.spoilt {
		err = os.Remove(f.cfg.Path)
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = f.rotate()
	}
	if err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	f.spoilt = false
	file, err := f.create(f.cfg.Path)
	if err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	// The format wants a first interface before anything is known of one.
	w, err := pcapgo.NewNgWriterInterface(file, ngInterface("any"), pcapgo.NgWriterOptions{
		SectionInfo: pcapgo.NgSectionInfo{Application: "class5 sip/tap"},
	})
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("tap: %w", err)
	}
	f.f, f.w, f.size, f.ifaces = file, w, 0, make(map[uint8]int)
	return nil
}

// rotate moves every file one further and removes the last.
func (f *File) rotate() error {
	if _, err := os.Lstat(f.cfg.Path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	keep := max(f.cfg.Keep, 0)
	if err := os.Remove(f.older(keep)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for i := keep; i > 0; i-- {
		if err := os.Rename(f.older(i-1), f.older(i)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (f *File) older(i int) string {
	if i == 0 {
		return f.cfg.Path
	}
	return fmt.Sprintf("%s.%d", filepath.Clean(f.cfg.Path), i)
}

// iface returns the interface of the file for a listener.
func (f *File) iface(m *Message) (int, error) {
	l := m.Flow.Listener
	if i, ok := f.ifaces[l]; ok {
		return i, nil
	}
	name := fmt.Sprintf("listener %d", l)
	if int(l) < len(f.cfg.Listeners) {
		name = f.cfg.Listeners[l].Name
	}
	i, err := f.w.AddInterface(ngInterface(name + " (" + strings.ToLower(m.Flow.Protocol.String()) + ")"))
	if err == nil {
		f.ifaces[l] = i
	}
	return i, err
}

func ngInterface(name string) pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeEthernet, TimestampResolution: 9}
}
