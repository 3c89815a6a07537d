package workspace

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strconv"
)

// makeRoom forgets the content of the oldest shared files until there is room
// for size bytes more, as a workspace on a free plan hides old files.
func (w *Workspace) makeRoom(size int64) bool {
	for i := 0; w.fileBytes+size > w.opt.Limits.FileBytes; {
		if i >= len(w.fileOrder) {
			return false
		}
		f := w.fileOrder[i]
		if !f.completed {
			i++
			continue
		}
		f.content, f.hidden = nil, true
		w.fileBytes -= f.size
		w.fileOrder = slices.Delete(w.fileOrder, i, i+1)
	}
	return true
}

// forgetUnfinished drops an upload that was never completed.
func (w *Workspace) forgetUnfinished(f *file) {
	delete(w.uploads, f.secret)
	if !f.completed {
		delete(w.files, f.id)
		w.fileOrder = slices.DeleteFunc(w.fileOrder, func(x *file) bool { return x == f })
		w.fileBytes -= f.size
	}
}

// serveUpload takes the bytes, as a form with one file or as the bare body.
func (w *Workspace) serveUpload(rw http.ResponseWriter, r *http.Request) {
	c := &call{method: "files.upload", args: map[string]any{"content_type": r.Header.Get("Content-Type")}, at: w.now()}
	effect := w.faultFor(c.method)
	if w.faultBefore(rw, r, effect, c, c.at) {
		return
	}
	w.mu.Lock()
	f := w.uploads[r.PathValue("secret")]
	w.mu.Unlock()
	if f == nil {
		http.Error(rw, "upload address unknown or expired", http.StatusNotFound)
		return
	}
	data, err := readUpload(r, f.size)
	failure := w.storeUpload(f, data, err)
	w.faultAfter(r, effect)
	c.args["file"], c.args["bytes"] = f.id, len(data)
	w.logCall(c, c.at, obj{"size": len(data)}, failure, effect)
	switch {
	case effect.losesAnswer():
		hangUp(rw)
	case failure != nil:
		http.Error(rw, failure.code, http.StatusBadRequest)
	default:
		_, _ = io.WriteString(rw, "OK - "+strconv.Itoa(len(data))) // the caller may be gone
	}
}

func (w *Workspace) storeUpload(f *file, data []byte, err error) *apiError {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		return fail("upload_unreadable")
	}
	if int64(len(data)) != f.size || f.completed {
		return fail("length_mismatch")
	}
	f.content, f.uploaded = data, true
	return nil
}

// readUpload reads at most one byte more than announced.
func readUpload(r *http.Request, announced int64) ([]byte, error) {
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // unreadable: take the bare body
	if kind != "multipart/form-data" {
		return io.ReadAll(io.LimitReader(r.Body, announced+1))
	}
	reader := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := reader.NextPart()
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" || part.FormName() == "file" || part.FormName() == "body" {
			return io.ReadAll(io.LimitReader(part, announced+1))
		}
	}
}

// multipartFields are the plain fields of a form.
func multipartFields(body []byte, boundary string) (map[string]string, error) {
	out := map[string]string{}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		out[part.FormName()] = string(value)
	}
}

// serveFile hands out a file: to the page, and to callers with the bot's token.
func (w *Workspace) serveFile(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	f := w.files[r.PathValue("id")]
	var content []byte
	ready := f != nil && f.completed && !f.hidden
	if ready {
		content = f.content
	}
	w.mu.Unlock()
	if !ready {
		http.NotFound(rw, r)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", f.mimeType())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	if r.URL.Query().Get("download") != "" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(f.name)}))
	}
	http.ServeContent(rw, r, f.name, f.created, bytes.NewReader(content))
}
