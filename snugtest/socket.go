package snugtest

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/coder/websocket"
)

// Frame is a frame of docs/protocol.md.
type Frame map[string]any

// Text is a field that holds a text, or "".
func (f Frame) Text(field string) string {
	s, _ := f[field].(string)
	return s
}

// Frames is a field that holds a list of frames.
func (f Frame) Frames(field string) []Frame {
	list, _ := f[field].([]any)
	var frames []Frame
	for _, item := range list {
		frame, _ := item.(map[string]any)
		frames = append(frames, frame)
	}
	return frames
}

// Socket is an open WebSocket.
type Socket struct{ conn *websocket.Conn }

// Dial opens a socket with the session of a client, such as s.URL+"/ws/". It is closed with the test.
func Dial(t testing.TB, client *http.Client, address string) *Socket {
	t.Helper()
	socket, err := Connect(t.Context(), client, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(socket.Cut)
	return socket
}

// Connect is [Dial] for one who expects that it may not work.
func Connect(ctx context.Context, client *http.Client, address string) (*Socket, error) {
	// A client's timeout would cut the socket.
	conn, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: &http.Client{Jar: client.Jar, Transport: client.Transport}})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return &Socket{conn}, nil
}

// Cut drops the connection without a word.
func (s *Socket) Cut() { _ = s.conn.CloseNow() }

// Send sends one frame.
func (s *Socket) Send(ctx context.Context, frame any) error {
	body, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	return s.conn.Write(ctx, websocket.MessageText, body)
}

// Receive waits for the next frame. [websocket.CloseStatus] tells the close code in its error.
func (s *Socket) Receive(ctx context.Context) (Frame, error) {
	_, body, err := s.conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	var frame Frame
	return frame, json.Unmarshal(body, &frame)
}

// Ask sends a frame with a ref of its own and waits for the answer to it. What else comes meanwhile is dropped.
func (s *Socket) Ask(t testing.TB, frame Frame) Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWait)
	defer cancel()
	frame["ref"] = "ask"
	if err := s.Send(ctx, frame); err != nil {
		t.Fatal(err)
	}
	for {
		answer, err := s.Receive(ctx)
		if err != nil {
			t.Fatalf("answer to %v: %v", frame, err)
		}
		if answer["ref"] == "ask" {
			return answer
		}
	}
}
