package workspace

import (
	"mime"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSnippet is Slack's limit of a snippet, in bytes.
const maxSnippet = 1 << 20

// file is an upload, finished once it is shared.
type file struct {
	id, secret, name, title, altText, snippetType string
	size                                          int64 // announced, then real
	content                                       []byte
	uploaded, completed                           bool
	hidden                                        bool // its content made room for others
	base                                          string
	created                                       time.Time
	shares                                        map[string][]string // channel → message ts
}

// FileInfo is a file as a person sees it.
type FileInfo struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Title    string `json:"title"`
	MimeType string `json:"mimetype"`
	Size     int64  `json:"size"`
	AltText  string `json:"alt_txt"`
	URL      string `json:"url"`
}

func (f *file) mimeType() string {
	if t := mime.TypeByExtension(strings.ToLower(path.Ext(f.name))); t != "" {
		bare, _, _ := strings.Cut(t, ";")
		return bare
	}
	return "application/octet-stream"
}

func (f *file) path() string { return "/files/" + f.id + "/" + path.Base(f.name) }

func (f *file) info() FileInfo {
	return FileInfo{ID: f.id, Name: f.name, Title: f.title, MimeType: f.mimeType(), Size: f.size, AltText: f.altText, URL: f.path()}
}

func (w *Workspace) fileJSON(f *file) obj {
	public, private := obj{}, obj{}
	channels, groups := []string{}, []string{}
	for _, id := range w.channelIDs {
		stamps := f.shares[id]
		if len(stamps) == 0 {
			continue
		}
		var list []obj
		for _, ts := range stamps {
			list = append(list, obj{"ts": ts, "channel_name": w.channels[id].Name, "team_id": w.opt.TeamID, "share_user_id": w.app.BotUserID})
		}
		if w.channels[id].IsPrivate || w.channels[id].IM {
			private[id], groups = list, append(groups, id)
		} else {
			public[id], channels = list, append(channels, id)
		}
	}
	ext := strings.TrimPrefix(path.Ext(f.name), ".")
	return obj{
		"id": f.id, "created": f.created.Unix(), "timestamp": f.created.Unix(), "name": f.name, "title": f.title,
		"mimetype": f.mimeType(), "filetype": ext, "pretty_type": strings.ToUpper(ext), "user": w.app.BotUserID,
		"user_team": w.opt.TeamID, "editable": false, "size": f.size, "mode": "hosted", "is_external": false,
		"external_type": "", "is_public": len(channels) > 0, "public_url_shared": false, "display_as_bot": false,
		"username": "", "alt_txt": f.altText, "url_private": f.base + f.path(),
		"url_private_download": f.base + f.path() + "?download=1", "permalink": f.base + f.path(), "channels": channels,
		"groups": groups, "ims": []string{}, "shares": obj{"public": public, "private": private}, "has_rich_preview": false,
	}
}

func filesGetUploadURL(w *Workspace, c *call) (obj, *apiError) {
	if w.opt.FilesForbidden {
		return nil, fail("file_uploads_disabled")
	}
	length, err := strconv.ParseInt(c.text("length"), 10, 64)
	switch {
	case !c.given("filename") || !c.given("length") || err != nil:
		return nil, fail("invalid_arguments")
	case length <= 0:
		return nil, fail("file_upload_size_restricted")
	case len([]rune(c.text("alt_txt"))) > 1000:
		return nil, fail("alt_txt_too_large")
	case c.given("snippet_type") && length > maxSnippet:
		return nil, fail("snippet_too_large")
	case !w.makeRoom(length):
		return nil, fail("storage_limit_reached")
	}
	f := &file{
		id: w.newID("F"), secret: w.secret(), name: c.text("filename"), title: c.text("filename"), altText: c.text("alt_txt"),
		snippetType: c.text("snippet_type"), size: length, base: c.base, created: w.now(), shares: map[string][]string{},
	}
	w.files[f.id], w.uploads[f.secret] = f, f
	w.fileOrder = append(w.fileOrder, f)
	w.fileBytes += length
	w.after(time.Hour, func() { w.forgetUnfinished(f) })
	return obj{"upload_url": c.base + "/files/upload/" + f.secret, "file_id": f.id}, nil
}

func filesComplete(w *Workspace, c *call) (obj, *apiError) {
	if w.opt.FilesForbidden {
		return nil, fail("file_uploads_disabled")
	}
	files, err := w.filesToComplete(c)
	if err != nil {
		return nil, err
	}
	targets, err := w.shareTargets(c)
	if err != nil {
		return nil, err
	}
	said, err := w.content(c)
	if err != nil {
		return nil, err
	}
	said.text = c.text("initial_comment")
	out := []obj{}
	for _, f := range files {
		f.completed = true
		delete(w.uploads, f.secret) // its content is final
	}
	for _, ch := range targets {
		m := w.botMessage(said)
		m.files, m.threadTS = files, w.threadFor(ch, c)
		for _, f := range files {
			f.shares[ch.ID] = append(f.shares[ch.ID], m.ts)
		}
		w.add(ch, m)
		w.messageEvent(ch, m)
	}
	for _, f := range files {
		out = append(out, w.fileJSON(f))
	}
	return obj{"files": out}, nil
}

// filesToComplete are the files a call names, uploaded and not completed yet.
func (w *Workspace) filesToComplete(c *call) ([]*file, *apiError) {
	value, ok := c.parsed("files")
	items, isList := value.([]any)
	if !ok || !isList || len(items) == 0 {
		return nil, fail("invalid_arguments")
	}
	if len(items) > 10 {
		return nil, fail("too_many_files")
	}
	var files []*file
	for _, item := range items {
		fields, _ := item.(map[string]any)
		id, _ := fields["id"].(string)
		f := w.files[id]
		if f == nil || !f.uploaded || f.completed {
			return nil, fail("file_not_found")
		}
		if title, _ := fields["title"].(string); title != "" {
			f.title = title
		}
		files = append(files, f)
	}
	return files, nil
}

func (w *Workspace) shareTargets(c *call) ([]*Channel, *apiError) {
	ids := c.list("channels")
	if id := c.text("channel_id"); id != "" && !slices.Contains(ids, id) {
		ids = append(ids, id)
	}
	if len(ids) > 100 || (len(ids) > 1 && c.given("thread_ts")) {
		return nil, fail("invalid_arguments")
	}
	var out []*Channel
	for _, id := range ids {
		ch, err := w.postTarget(id)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

func filesInfo(w *Workspace, c *call) (obj, *apiError) {
	f := w.files[c.text("file")]
	if f == nil {
		return nil, fail("file_not_found")
	}
	return obj{"file": w.fileJSON(f), "comments": []obj{}, "response_metadata": obj{"next_cursor": ""}}, nil
}
