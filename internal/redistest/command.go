package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// command reads one command in Redis's protocol: a list of texts with their lengths.
func command(from *bufio.Reader) (name string, raw []byte, err error) {
	var all bytes.Buffer
	line := func() (string, error) {
		text, err := from.ReadString('\n')
		all.WriteString(text)
		return strings.TrimSpace(text), err
	}
	head, err := line()
	if err != nil {
		return "", nil, err
	}
	if !strings.HasPrefix(head, "*") {
		return strings.ToLower(head), all.Bytes(), nil
	}
	words, err := strconv.Atoi(head[1:])
	if err != nil {
		return "", nil, fmt.Errorf("command %q: %w", head, err)
	}
	for i := range words {
		size, err := line()
		if err != nil {
			return "", nil, err
		}
		n, err := strconv.Atoi(strings.TrimPrefix(size, "$"))
		if err != nil {
			return "", nil, fmt.Errorf("command %q: %w", size, err)
		}
		const end = 2
		word := make([]byte, n+end)
		if _, err := io.ReadFull(from, word); err != nil {
			return "", nil, err
		}
		all.Write(word)
		if i == 0 {
			name = strings.ToLower(string(word[:n]))
		}
	}
	return name, all.Bytes(), nil
}
