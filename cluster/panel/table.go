package panel

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/class5-go/class5/cluster/directory"
)

// table is a list for a template. The first cell of a row is its heading.
type table struct {
	ID      string // unique in the page
	Caption string
	Head    []string
	Rows    [][]cell
	Empty   string // said instead of a table without rows
	First   string // link to the first page; empty on it
	Next    string // link to the next page; empty on the last
}

// Right says whether a column holds numbers.
func (t table) Right(column int) bool {
	return len(t.Rows) > 0 && column < len(t.Rows[0]) && t.Rows[0][column].Right
}

type cell struct {
	Text   string
	Href   string
	Status string // drawn as a badge
	Time   time.Time
	Right  bool // a number
	Code   bool
}

// paging reads the place in a list from the query of a page.
func paging(r *http.Request) (directory.Page, error) {
	v := r.URL.Query().Get("after")
	if v == "" {
		return directory.Page{}, nil
	}
	after, err := strconv.ParseInt(v, 10, 64)
	if err != nil || after < 0 {
		return directory.Page{}, directory.ErrNotFound
	}
	return directory.Page{After: after}, nil
}

// links sets the links to other pages of a list; they keep the filters.
func (t *table) links(u *url.URL, next string) {
	q := u.Query()
	here := q.Has("after")
	q.Del("after")
	if here {
		t.First = link(u.Path, q)
	}
	if next != "" {
		q.Set("after", next)
		t.Next = link(u.Path, q)
	}
}

func link(path string, q url.Values) string {
	for name := range q {
		if q.Get(name) == "" {
			q.Del(name)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
