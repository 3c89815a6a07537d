package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

// uploader brings files to Slack, streaming them: a list of a million rows is
// never in memory.
type uploader struct {
	opt    Options
	outbox Outbox
	api    *slack.Client
	find   *finder
	client *http.Client
}

var errNoFile = errors.New("the file cannot be read from the store")

// open gives the file's bytes and their exact number.
func (u *uploader) open(ctx context.Context, f message.File) (io.ReadCloser, int64, error) {
	if f.Source == "" {
		return io.NopCloser(bytes.NewReader(f.Inline)), int64(len(f.Inline)), nil
	}
	r, n, err := u.outbox.Open(ctx, f.Source)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errNoFile, err)
	}
	return r, n, nil
}

// send uploads the bytes and returns the id that Slack gave the file. Nobody
// sees the file yet.
func (u *uploader) send(ctx context.Context, f message.File, r io.Reader, n int64) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, u.opt.Timing.Upload)
	defer cancel()
	place, err := u.api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
		FileName: fileName(f.Name), FileSize: int(n), AltTxt: cut(inline(f.Alt), 1000),
	})
	if err != nil {
		return "", fmt.Errorf("files.getUploadURLExternal: %w", err)
	}
	if !u.trusted(place.UploadURL) {
		return "", &FatalError{Sentence: "Slack named an upload address on a host that is neither Slack nor the configured API."}
	}
	// The bytes as they are, with their length: no token is needed here, so
	// none is sent.
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, place.UploadURL, io.LimitReader(r, n))
	if err != nil {
		return "", err
	}
	request.ContentLength = n
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := u.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // lets the connection be used again
	if err := statusError(response); err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	return place.FileID, nil
}

// complete shows an uploaded file in a thread.
func (u *uploader) complete(ctx context.Context, id string, f message.File, channel, thread string) error {
	title := inline(f.Title)
	setZero(&title, fileName(f.Name))
	_, err := u.api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files:   []slack.FileSummary{{ID: id, Title: cut(title, 200)}},
		Channel: channel, ThreadTimestamp: thread,
	})
	return err
}

// shared looks whether a file is shown in the channel, and where. Slack shares
// a file a moment after it took the call, so it looks more than once.
func (u *uploader) shared(ctx context.Context, id, channel string) (ts string, shown bool, err error) {
	for try := range 3 {
		if try > 0 && !sleep(ctx, time.Second) {
			break
		}
		var info struct {
			File struct {
				Shares map[string]map[string][]struct {
					TS string `json:"ts"`
				} `json:"shares"`
			} `json:"file"`
		}
		if err := u.find.call(ctx, "files.info", url.Values{"file": {id}}, &info); err != nil {
			return "", false, fmt.Errorf("files.info: %w", err)
		}
		for _, channels := range info.File.Shares { // public, private
			if places := channels[channel]; len(places) > 0 {
				return places[0].TS, true, nil
			}
		}
	}
	return "", false, ctx.Err()
}

// trusted says whether bytes of ours may go to this address.
func (u *uploader) trusted(address string) bool {
	to, err := url.Parse(address)
	if err != nil {
		return false
	}
	api, err := url.Parse(u.opt.APIURL)
	if err == nil && to.Scheme == api.Scheme && strings.EqualFold(to.Host, api.Host) {
		return true
	}
	host := strings.ToLower(to.Hostname())
	return to.Scheme == "https" && (strings.HasSuffix(host, ".slack.com") || strings.HasSuffix(host, ".slack-gov.com"))
}

// filesForbidden says that this workspace does not take the file, whoever
// tries and however often.
func filesForbidden(err error) bool {
	return slices.Contains([]string{
		"file_uploads_disabled", "file_uploads_except_images_disabled", "file_type_not_allowed",
		"file_upload_size_restricted", "storage_limit_reached", "slack_connect_file_upload_sharing_blocked",
		"slack_connect_blocked_file_type", "missing_scope", "access_denied",
	}, errorCode(err))
}

// fileName is a name that is safe on everybody's machine.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, inline(name))
	name = strings.TrimLeft(cut(name, 150), ".")
	setZero(&name, "file")
	return name
}
