package play

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"sync"

	"github.com/class5-go/class5/media/wav"
)

// Cache keeps prompts by what they are: two calls that give the same recording
// share one [Prompt] and its encodings. It is safe for concurrent use.
type Cache struct {
	fsys  fs.FS
	limit int

	mu      sync.Mutex
	entries map[any]*list.Element
	recent  *list.List // of *entry, last used first
}

// entry is a prompt that is there or being read.
type entry struct {
	key    any
	once   sync.Once
	prompt *Prompt
	err    error
}

// fileKey is a file in one state.
type fileKey struct {
	name string
	size int64
	time int64
}

// NewCache makes a cache of at most limit octets, encodings included; default
// 64 MiB. What was not used for longest gives way; who plays it goes on. fsys
// is where [Cache.File] looks; nil: nowhere.
func NewCache(fsys fs.FS, limit int) *Cache {
	if limit <= 0 {
		limit = 64 << 20
	}
	return &Cache{fsys: fsys, limit: limit, entries: map[any]*list.Element{}, recent: list.New()}
}

// Blob returns the prompt of a WAVE file in memory.
func (c *Cache) Blob(b []byte) (*Prompt, error) {
	return c.get(sha256.Sum256(b), func() (*Prompt, error) { return decode(b) })
}

// File returns the prompt of a WAVE file. A file that has changed is read
// again.
func (c *Cache) File(name string) (*Prompt, error) {
	if c.fsys == nil {
		return nil, fmt.Errorf("play: %w: %s", fs.ErrNotExist, name)
	}
	info, err := fs.Stat(c.fsys, name)
	if err != nil {
		return nil, fmt.Errorf("play: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > wav.MaxSize {
		return nil, fmt.Errorf("%w: %s is no file, or has more than %d octets", wav.ErrFormat, name, wav.MaxSize)
	}
	return c.get(fileKey{name, info.Size(), info.ModTime().UnixNano()}, func() (*Prompt, error) {
		b, err := fs.ReadFile(c.fsys, name)
		if err != nil {
			return nil, fmt.Errorf("play: %w", err)
		}
		return decode(b)
	})
}

func decode(b []byte) (*Prompt, error) {
	a, err := wav.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return FromAudio(a)
}

// get finds a prompt, or reads it once, however many ask for it at a time. A
// failure is not kept.
func (c *Cache) get(key any, read func() (*Prompt, error)) (*Prompt, error) {
	c.mu.Lock()
	at := c.entries[key]
	if at == nil {
		at = c.recent.PushFront(&entry{key: key})
		c.entries[key] = at
	}
	c.recent.MoveToFront(at)
	c.mu.Unlock()
	e := at.Value.(*entry)
	e.once.Do(func() {
		p, err := read()
		c.mu.Lock()
		defer c.mu.Unlock()
		e.prompt, e.err = p, err
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.err != nil {
		c.drop(at)
	}
	c.shrink(at)
	return e.prompt, e.err
}

// shrink drops what was not used for longest, but not keep. Sizes are added up
// anew, because encodings are added while prompts are played.
func (c *Cache) shrink(keep *list.Element) {
	total := 0
	for at := c.recent.Front(); at != nil; {
		next := at.Next()
		if e := at.Value.(*entry); e.prompt != nil {
			if total += e.prompt.Size(); total > c.limit && at != keep {
				c.drop(at)
			}
		}
		at = next
	}
}

func (c *Cache) drop(at *list.Element) {
	if key := at.Value.(*entry).key; c.entries[key] == at {
		delete(c.entries, key)
		c.recent.Remove(at)
	}
}

// Len is the number of prompts.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}
