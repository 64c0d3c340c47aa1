package login_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/class5-go/class5/cluster/api/login"
)

func ExampleGate_Require() {
	gate, err := login.New(login.Config{})
	if err != nil {
		panic(err)
	}
	private := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admin, _ := login.From(r.Context())
		fmt.Fprintln(w, "hello", admin.Name)
	})
	h := gate.Protect(gate.Require(private, func(w http.ResponseWriter, _ *http.Request, _ error) {
		http.Error(w, "log in first", http.StatusUnauthorized)
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code)
	// Output: 401
}
