package web

import (
	"embed"
	"io/fs"
)

//go:embed page
var page embed.FS

// Assets returns the page's files with index.html at the root, ready for
// http.FileServerFS. The page finds everything else relative to its own
// address and the control API at /sim of the same origin.
func Assets() fs.FS {
	assets, err := fs.Sub(page, "page")
	if err != nil {
		// fs.Sub fails only for an invalid path, and "page" is a constant.
		panic(err)
	}
	return assets
}
