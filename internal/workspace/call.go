package workspace

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds the body of a Web API call.
const maxBody = 8 << 20

// call is one Web API call with its arguments, whichever way they came.
type call struct {
	method string
	token  string
	// tokenInBody says that the token was an argument, not a header.
	tokenInBody bool
	base        string // http://host as the caller wrote it
	args        map[string]any
	at          time.Time
}

// apiError is an error of the Web API by its name, with further fields of the
// answer.
type apiError struct {
	code       string
	fields     obj
	status     int           // 0 means 200, as Slack answers
	retryAfter time.Duration // for 429
}

func (e *apiError) Error() string { return e.code }

func fail(code string) *apiError { return &apiError{code: code} }

// failMessages is an error with explanations for the programmer.
func failMessages(code string, messages ...string) *apiError {
	return &apiError{code: code, fields: obj{"response_metadata": obj{"messages": messages}}}
}

// readCall collects the arguments from query, form or JSON.
func readCall(r *http.Request, method string) (*call, error) {
	c := &call{method: method, args: map[string]any{}, base: "http://" + r.Host}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.token = token
	}
	for key, values := range r.URL.Query() {
		c.args[key] = values[0]
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if len(body) > maxBody {
		return nil, fail("request_too_large")
	}
	if err := c.readBody(r.Header.Get("Content-Type"), body); err != nil {
		return nil, err
	}
	if token, ok := c.args["token"].(string); ok {
		c.tokenInBody = true
		if c.token == "" {
			c.token = token
		}
		delete(c.args, "token")
	}
	return c, nil
}

func (c *call) readBody(contentType string, body []byte) error {
	kind, params, _ := mime.ParseMediaType(contentType) // an unreadable type is an unknown one
	switch {
	case len(body) == 0:
	case kind == "application/json":
		if err := json.Unmarshal(body, &c.args); err != nil {
			return fail("invalid_json")
		}
	case kind == "application/x-www-form-urlencoded" || kind == "":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return fail("invalid_form_data")
		}
		for key, v := range values {
			c.args[key] = v[0]
		}
	case kind == "multipart/form-data":
		fields, err := multipartFields(body, params["boundary"])
		if err != nil {
			return fail("invalid_form_data")
		}
		for key, v := range fields {
			c.args[key] = v
		}
	default:
		return fail("invalid_post_type")
	}
	return nil
}

// text is a string argument; numbers and booleans are written out.
func (c *call) text(name string) string {
	switch v := c.args[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (c *call) given(name string) bool {
	v, ok := c.args[name]
	return ok && v != nil && v != ""
}

func (c *call) flag(name string) bool {
	v := c.text(name)
	return v == "true" || v == "1"
}

// number is an integer argument within lo and hi, or otherwise when it is
// missing.
func (c *call) number(name string, otherwise, lo, hi int) (int, *apiError) {
	if !c.given(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(c.text(name))
	if err != nil || n < lo || n > hi {
		return 0, fail("invalid_limit")
	}
	return n, nil
}

// list is a comma-separated or JSON list of strings.
func (c *call) list(name string) []string {
	if items, ok := c.args[name].([]any); ok {
		var out []string
		for _, item := range items {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	text := c.text(name)
	var out []string
	if json.Unmarshal([]byte(text), &out) == nil && out != nil {
		return out
	}
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// parsed is a structured argument, given as JSON or as a string of JSON. ok is
// false when it is not JSON; a missing argument is nil.
func (c *call) parsed(name string) (value any, ok bool) {
	v, given := c.args[name]
	if !given {
		return nil, true
	}
	text, isText := v.(string)
	if !isText {
		return v, true
	}
	if text == "" {
		return nil, true
	}
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return nil, false
	}
	return out, true
}

// remarshal turns parsed JSON back into text.
func remarshal(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		return []byte("null") // cannot happen: v came from json.Unmarshal
	}
	return out
}
