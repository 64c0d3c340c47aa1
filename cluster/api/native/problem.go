package native

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

// retryAfter is told with 503, in seconds.
const retryAfter = "5"

// fail turns an error of the layers below into a problem. What a driver said
// goes to the log only.
func (s *service) fail(err error) error {
	var field *directory.FieldError
	var details []error
	if errors.As(err, &field) {
		details = append(details, &huma.ErrorDetail{Location: "body." + field.Field, Message: field.Reason})
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, directory.ErrNotFound), errors.Is(err, live.ErrNotFound):
		return huma.NewError(http.StatusNotFound, "not found")
	case errors.Is(err, directory.ErrConflict):
		return huma.NewError(http.StatusConflict, "exists already", details...)
	case errors.Is(err, directory.ErrInUse):
		return huma.NewError(http.StatusConflict, "still in use", details...)
	case errors.Is(err, directory.ErrStale):
		return huma.NewError(http.StatusPreconditionFailed, "changed by someone else: read it again")
	case errors.Is(err, directory.ErrInvalid):
		return huma.NewError(http.StatusUnprocessableEntity, "invalid value", details...)
	case errors.Is(err, directory.ErrAccount):
		s.Log.Warn("an account refuses", "error", err)
		return huma.NewError(http.StatusUnprocessableEntity, "not possible for this account")
	case errors.Is(err, directory.ErrLogin):
		return huma.NewError(http.StatusUnauthorized, "wrong name or password")
	case errors.Is(err, login.ErrThrottled):
		return huma.ErrorWithHeaders(huma.NewError(http.StatusTooManyRequests, "too many attempts"), http.Header{"Retry-After": {"60"}})
	}
	s.Log.Error("request failed", "error", directory.Cause(err))
	return huma.ErrorWithHeaders(huma.NewError(http.StatusServiceUnavailable, "unavailable, try again"), http.Header{"Retry-After": {retryAfter}})
}

// refuse answers a request that was not authenticated.
func (s *service) refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, directory.ErrNotFound) {
		problem(w, http.StatusUnauthorized, "log in first")
		return
	}
	s.Log.Error("session not read", "error", directory.Cause(err))
	w.Header().Set("Retry-After", retryAfter)
	problem(w, http.StatusServiceUnavailable, "unavailable, try again")
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(&huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail})
}

// withoutValues keeps what was sent out of problems: it may be a password, or a
// megabyte.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	for _, d := range p.Errors {
		d.Value = nil
	}
	return v, nil
}

func invalidQuery(name, why string) error {
	return huma.NewError(http.StatusUnprocessableEntity, "invalid value", &huma.ErrorDetail{Location: "query." + name, Message: why})
}

func invalidBody(name, why string) error {
	return huma.NewError(http.StatusUnprocessableEntity, "invalid value", &huma.ErrorDetail{Location: "body." + name, Message: why})
}
