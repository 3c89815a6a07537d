package kube

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// wire keeps what goes to the API and what comes from it.
type wire struct {
	next http.RoundTripper

	mu       sync.Mutex
	requests []wireRequest
	answers  bytes.Buffer
}

type wireRequest struct{ path, accept string }

func (w *wire) WrappedRoundTripper() http.RoundTripper { return w.next }

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, wireRequest{r.URL.Path, r.Header.Get("Accept")})
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	w.answers.Write(body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
