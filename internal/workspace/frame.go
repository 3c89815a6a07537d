package workspace

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // the handshake of RFC 6455 is made of it, and it protects nothing
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// The server side of RFC 6455, as much as Slack uses of it. Libraries hide what
// the simulator has to see and do: the text of pings, whether a message came in
// fragments (Slack does not put them together again), and cutting a connection
// without a closing handshake.

// Opcodes of WebSocket frames.
const (
	opText  byte = 0x1
	opClose byte = 0x8
	opPing  byte = 0x9
	opPong  byte = 0xA
)

// maxFrame bounds a frame from the client.
const maxFrame = 1 << 20

// webSocketKey is the constant of RFC 6455, section 1.3.
const webSocketKey = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// frame is one WebSocket frame.
type frame struct {
	op      byte
	final   bool
	payload []byte
}

// upgrade answers the opening handshake. Any Origin is accepted, as by Slack.
func upgrade(rw http.ResponseWriter, r *http.Request) (net.Conn, *bufio.Reader, error) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" || r.Header.Get("Sec-WebSocket-Version") != "13" {
		http.Error(rw, "this address speaks WebSocket version 13", http.StatusUpgradeRequired)
		return nil, nil, errors.New("not a WebSocket handshake")
	}
	conn, buffered, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", err)
	}
	sum := sha1.Sum([]byte(key + webSocketKey)) //nolint:gosec // as above
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
	_ = conn.SetDeadline(time.Time{}) // the server's deadlines end here
	if _, err := io.WriteString(conn, head); err != nil {
		_ = conn.Close() // the write error says it all
		return nil, nil, fmt.Errorf("answer the handshake: %w", err)
	}
	return conn, buffered.Reader, nil
}

// encode is f as the server sends it: unmasked.
func (f frame) encode() []byte {
	out := []byte{0x80 | f.op}
	switch n := len(f.payload); {
	case n < 126:
		out = append(out, byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 127), uint64(n))
	}
	return append(out, f.payload...)
}

// readFrame reads one frame of the client's, which must be masked.
func readFrame(r io.Reader) (frame, error) {
	var head [14]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return frame{}, err
	}
	f := frame{op: head[0] & 0x0F, final: head[0]&0x80 != 0}
	if head[0]&0x70 != 0 {
		return frame{}, errors.New("frame uses an extension that was not agreed on")
	}
	if head[1]&0x80 == 0 {
		return frame{}, errors.New("frame of the client is not masked")
	}
	size, err := readSize(r, head[1]&0x7F)
	if err != nil {
		return frame{}, err
	}
	if size > maxFrame {
		return frame{}, fmt.Errorf("frame of %d bytes is too large", size)
	}
	mask := head[10:14]
	if _, err := io.ReadFull(r, mask); err != nil {
		return frame{}, err
	}
	f.payload = make([]byte, size)
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return frame{}, err
	}
	for i := range f.payload {
		f.payload[i] ^= mask[i%4]
	}
	return f, nil
}

func readSize(r io.Reader, short byte) (uint64, error) {
	var long [8]byte
	switch short {
	case 126:
		_, err := io.ReadFull(r, long[:2])
		return uint64(binary.BigEndian.Uint16(long[:2])), err
	case 127:
		_, err := io.ReadFull(r, long[:])
		return binary.BigEndian.Uint64(long[:]), err
	}
	return uint64(short), nil
}

// normalClosure is the body of the close frame that ends a connection in order
// (status 1000).
func normalClosure() []byte { return binary.BigEndian.AppendUint16(nil, 1000) }

func closeCode(payload []byte) int {
	if len(payload) < 2 {
		return 1005 // none given
	}
	return int(binary.BigEndian.Uint16(payload))
}
