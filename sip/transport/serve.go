package transport

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Serve reads from all listeners and hands messages to h until ctx is done. It
// returns nil then, or the error of a listener that broke, once every message
// read was handled, what was sent is written as far as Timeouts.Drain allows,
// all goroutines ended and all sockets are closed. It may be called once;
// afterwards, and after Close, it returns ErrClosed.
func (e *Endpoint) Serve(ctx context.Context, h Handler) error {
	serving, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !e.claim(serving, h) {
		return ErrClosed
	}
	var broken error
	var once sync.Once
	run := func(f func() error) {
		e.readers.run(func() {
			if err := f(); err != nil {
				once.Do(func() { broken = err })
				cancel(err)
			}
		})
	}
	workers, err := e.udpWorkers()
	if err != nil {
		broken = fmt.Errorf("transport: %w", err)
		cancel(broken)
	}
	for _, w := range workers {
		run(w.run)
	}
	for _, l := range e.listeners {
		if l.tcp != nil {
			run(func() error { return e.accept(l) })
		}
	}
	<-serving.Done()
	e.stopReading(workers)
	e.finish()
	return broken
}

// claim makes this call of Serve the only one.
func (e *Endpoint) claim(ctx context.Context, h Handler) bool {
	e.readers.mu.Lock()
	defer e.readers.mu.Unlock()
	if e.started.Load() {
		return false
	}
	e.serving, e.handler = ctx, h
	return e.started.CompareAndSwap(false, true)
}

// stopReading wakes everything that waits for messages and returns when the
// handler has returned for the last time.
func (e *Endpoint) stopReading(workers []*udpWorker) {
	e.stopping.Store(true)
	e.readers.close()
	now := time.Now()
	for _, l := range e.listeners {
		if l.tcp != nil {
			_ = l.tcp.Close()
		}
		for _, s := range l.udp {
			s.stop(now.Add(e.cfg.Timeouts.Drain))
		}
	}
	for _, w := range workers {
		w.stop()
	}
	e.stopStreams()
	e.readers.wait()
	for _, w := range workers {
		w.close()
	}
}

// finish takes leave of all connections, waits a while for their queues, and
// closes everything.
func (e *Endpoint) finish() {
	conns := e.conns.all()
	for _, c := range conns {
		c.goodbye(nil)
	}
	e.closed.Store(true)
	e.writers.close()
	e.wakeLoops()
	late := make(chan struct{})
	timer := time.AfterFunc(e.cfg.Timeouts.Drain, func() {
		defer close(late)
		closeAll(conns)
	})
	e.writers.wait()
	if !timer.Stop() {
		<-late
	}
	closeAll(conns)
	e.closeListeners()
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		c.fail(CloseShutdown)
	}
}

func (e *Endpoint) closeListeners() {
	for _, l := range e.listeners {
		if l.tcp != nil {
			_ = l.tcp.Close()
		}
		for _, s := range l.udp {
			s.close()
		}
	}
}
