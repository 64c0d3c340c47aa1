package native_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/api/native"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

func ExampleNew() {
	dir, _ := os.MkdirTemp("", "class5")
	defer os.RemoveAll(dir)
	store, err := directory.Open(context.Background(), directory.Config{DSN: "sqlite:" + filepath.Join(dir, "class5.db")})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	gate, _ := login.New(login.Config{Store: store})
	h := native.New(native.Config{Store: store, Gate: gate, Live: live.Join()})

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/subscribers", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 401 application/problem+json
}
