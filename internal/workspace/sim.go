package workspace

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// routes are all addresses of the simulator.
func (w *Workspace) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", w.serveAPI(methods()))
	mux.HandleFunc("GET /link/", w.serveLink)
	mux.HandleFunc("POST /respond/{team}/{token}", w.serveRespond)
	mux.HandleFunc("POST /files/upload/{secret}", w.serveUpload)
	mux.HandleFunc("GET /files/{id}/{name}", w.serveFile)

	sameOrigin := http.NewCrossOriginProtection() // other sites' pages stay out
	mux.HandleFunc("GET /sim/events", w.serveEvents)
	for pattern, run := range w.controls() {
		mux.Handle(pattern, sameOrigin.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			answer, err := run(r)
			writeSim(rw, answer, err)
		})))
	}
	mux.HandleFunc("GET /archives/{channel}", archive)
	mux.HandleFunc("GET /archives/{channel}/{message}", archive)
	mux.Handle("/", w.page())
	return mux
}

// page serves the files of the web page.
func (w *Workspace) page() http.Handler {
	files := http.FileServerFS(w.opt.Assets)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if name := r.URL.Path[1:]; name != "" {
			if _, err := fs.Stat(w.opt.Assets, name); errors.Is(err, fs.ErrNotExist) {
				http.NotFound(rw, r)
				return
			}
		}
		rw.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(rw, r)
	})
}

// archive leads from an address in the form of Slack's links to that of the page.
func archive(rw http.ResponseWriter, r *http.Request) {
	address := "/#/" + url.PathEscape(r.PathValue("channel"))
	ts := strings.TrimPrefix(r.PathValue("message"), "p")
	if len(ts) > 6 {
		ts = ts[:len(ts)-6] + "." + ts[len(ts)-6:]
	}
	if thread := r.URL.Query().Get("thread_ts"); thread != "" {
		ts = thread
	}
	if ts != "" {
		address += "/thread/" + url.PathEscape(ts)
	}
	http.Redirect(rw, r, address, http.StatusFound)
}

// controls is the control API. Its contract:
//
//	GET  /sim/state, /sim/channels/{id}/messages, /sim/channels/{id}/threads/{ts},
//	     /sim/views, /sim/home, /sim/events   what the person "as" sees
//	POST /sim/say, click, shortcut, views/{id}/submit, views/{id}/close, react,
//	     pin, edit, delete, invite            what the person "as" does
//	POST /sim/people, channels, groups        adds or changes
//	GET, POST, DELETE /sim/faults; GET /sim/journal?after=N
//
// Answers are {"ok":true,…}; errors are HTTP 4xx with "error", a name, and
// "message", one sentence.
func (w *Workspace) controls() map[string]func(*http.Request) (obj, error) {
	all := map[string]func(*http.Request) (obj, error){
		"GET /sim/state": func(r *http.Request) (obj, error) {
			state, err := w.State(as(r))
			return asObject(state), err
		},
		"GET /sim/channels/{id}/messages": func(r *http.Request) (obj, error) {
			messages, pins, err := w.Messages(as(r), r.PathValue("id"))
			return obj{"messages": messages, "pins": pins}, err
		},
		"GET /sim/channels/{id}/threads/{ts}": func(r *http.Request) (obj, error) {
			messages, err := w.Thread(as(r), r.PathValue("id"), r.PathValue("ts"))
			return obj{"messages": messages}, err
		},
		"GET /sim/views": func(r *http.Request) (obj, error) {
			stack, err := w.Modals(as(r))
			return obj{"stack": stack}, err
		},
		"GET /sim/home": func(r *http.Request) (obj, error) {
			view, err := w.OpenHome(as(r))
			if view == nil {
				return obj{"view": nil}, err
			}
			return obj{"view": view}, err
		},
		"GET /sim/journal": func(r *http.Request) (obj, error) {
			after, err := strconv.Atoi("0" + r.URL.Query().Get("after"))
			if err != nil {
				return nil, refuse("invalid_after", "after must be a number.")
			}
			return obj{"entries": w.Journal(after)}, nil
		},
	}
	maps.Copy(all, w.actions())
	maps.Copy(all, w.furnishings())
	return all
}

// actions are what people do.
func (w *Workspace) actions() map[string]func(*http.Request) (obj, error) {
	type pointer struct {
		As, Channel, TS, Name string
		Remove                bool
		Users                 []string
		CallbackID            string `json:"callback_id"`
		ThreadTS              string `json:"thread_ts"`
		Text                  string
	}
	with := func(do func(p pointer) error) func(*http.Request) (obj, error) {
		return func(r *http.Request) (obj, error) {
			p, err := decode[pointer](r)
			if err != nil {
				return nil, err
			}
			return obj{}, do(p)
		}
	}
	return map[string]func(*http.Request) (obj, error){
		"POST /sim/say": func(r *http.Request) (obj, error) {
			p, err := decode[pointer](r)
			if err != nil {
				return nil, err
			}
			ts, err := w.Say(p.As, p.Channel, p.ThreadTS, p.Text)
			return obj{"ts": ts}, err
		},
		"POST /sim/click":    w.simClick,
		"POST /sim/shortcut": with(func(p pointer) error { return w.UseShortcut(p.As, p.CallbackID, p.Channel, p.TS) }),
		"POST /sim/react":    with(func(p pointer) error { return w.React(p.As, p.Channel, p.TS, p.Name, p.Remove) }),
		"POST /sim/pin":      with(func(p pointer) error { return w.Pin(p.As, p.Channel, p.TS, p.Remove) }),
		"POST /sim/edit":     with(func(p pointer) error { return w.Edit(p.As, p.Channel, p.TS, p.Text) }),
		"POST /sim/delete":   with(func(p pointer) error { return w.Delete(p.As, p.Channel, p.TS) }),
		"POST /sim/invite":   with(func(p pointer) error { return w.Invite(p.As, p.Channel, p.Users...) }),
		"POST /sim/views/{id}/submit": func(r *http.Request) (obj, error) {
			in, err := decode[struct {
				As     string
				Values map[string]any
			}](r)
			if err != nil {
				return nil, err
			}
			return obj{}, w.Submit(in.As, r.PathValue("id"), in.Values)
		},
		"POST /sim/views/{id}/close": func(r *http.Request) (obj, error) {
			p, err := decode[pointer](r)
			if err != nil {
				return nil, err
			}
			return obj{}, w.CloseView(p.As, r.PathValue("id"))
		},
	}
}

func (w *Workspace) simClick(r *http.Request) (obj, error) {
	fields, err := decode[map[string]any](r)
	if err != nil {
		return nil, err
	}
	var k Click
	if err := json.Unmarshal(remarshal(fields), &k); err != nil {
		return nil, refuse("invalid_json", "The request is not what was expected: "+err.Error()+".")
	}
	k.Selected = fields
	return obj{}, w.Click(k)
}

// furnishings are the people, channels and groups, and the faults.
func (w *Workspace) furnishings() map[string]func(*http.Request) (obj, error) {
	return map[string]func(*http.Request) (obj, error){
		"POST /sim/people": func(r *http.Request) (obj, error) {
			p, err := decode[Person](r)
			if err != nil {
				return nil, err
			}
			p, err = w.AddPerson(p)
			return obj{"person": p}, invalid(err)
		},
		"POST /sim/channels": func(r *http.Request) (obj, error) {
			c, err := decode[Channel](r)
			if err != nil {
				return nil, err
			}
			c, err = w.AddChannel(c)
			return obj{"channel": c}, invalid(err)
		},
		"POST /sim/groups": func(r *http.Request) (obj, error) {
			g, err := decode[Group](r)
			if err != nil {
				return nil, err
			}
			g, err = w.AddGroup(g)
			return obj{"group": g}, invalid(err)
		},
		"GET /sim/faults": func(*http.Request) (obj, error) { return obj{"faults": w.Faults()}, nil },
		"POST /sim/faults": func(r *http.Request) (obj, error) {
			f, err := decode[Fault](r)
			if err != nil {
				return nil, err
			}
			return obj{}, invalid(w.Inject(f))
		},
		"DELETE /sim/faults": func(*http.Request) (obj, error) {
			w.ClearFaults()
			return obj{}, nil
		},
	}
}

func as(r *http.Request) string { return r.URL.Query().Get("as") }

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return refuse("invalid_arguments", err.Error()+".")
}

// decode reads a JSON body of at most 1 MiB.
func decode[T any](r *http.Request) (T, error) {
	var out T
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&out); err != nil {
		return out, refuse("invalid_json", "The request is not what was expected: "+err.Error()+".")
	}
	return out, nil
}

func asObject(v any) obj {
	out := obj{}
	if err := json.Unmarshal(remarshal(v), &out); err != nil {
		return obj{} // cannot happen: v is a struct
	}
	return out
}

// writeSim answers a call of the control API.
func writeSim(rw http.ResponseWriter, answer obj, err error) {
	status := http.StatusOK
	out := obj{"ok": err == nil}
	var refusal *Refusal
	switch {
	case err == nil:
		maps.Copy(out, answer)
	case errors.As(err, &refusal):
		status = refusal.Status
		out["error"], out["message"] = refusal.Code, refusal.Message
		if refusal.Errors != nil {
			out["errors"] = refusal.Errors
		}
	default:
		status = http.StatusInternalServerError
		out["error"], out["message"] = "internal_error", err.Error()
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(out) // the caller may be gone
}
