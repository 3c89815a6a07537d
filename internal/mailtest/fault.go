package mailtest

import (
	"net"

	"github.com/emersion/go-smtp"
)

// Stage is where in the dialogue something goes wrong.
type Stage string

// The stages, in their order.
const (
	Greeting  Stage = "greeting"  // before the server says anything
	Hello     Stage = "hello"     // EHLO
	From      Stage = "from"      // MAIL FROM
	To        Stage = "to"        // RCPT TO
	Text      Stage = "text"      // the client may send the text, and none of it was read
	Delivered Stage = "delivered" // the whole text was read, and not answered
)

// Action is what goes wrong.
type Action string

// The actions.
const (
	Refuse   Action = "refuse"    // 550, for good
	Unknown  Action = "unknown"   // the same, with the recipient's address, as servers say it: only at To
	Greylist Action = "greylist"  // 451, to be tried later
	Full     Action = "full"      // 552, the mailbox is full
	Hang     Action = "hang"      // no answer until the server is closed
	Drop     Action = "drop"      // the connection is cut
	TakeDrop Action = "take-drop" // as Drop, but the mail was taken: only at Delivered
)

// Fault goes wrong. Refuse, Greylist and Full have no effect at Greeting.
type Fault struct {
	At Stage
	Do Action
	// For is the recipient that it is for, from To on; empty: all.
	For string
	// Times is how often it happens; 0: always.
	Times int

	happened int
}

// Break makes something go wrong from now on, beside what does already.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Mend ends all faults.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault gives what goes wrong now; empty: nothing.
func (s *Server) fault(at Stage, to ...string) Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		concerned := f.For == ""
		for _, one := range to {
			concerned = concerned || f.For == one
		}
		if f.At != at || !concerned || f.Times > 0 && f.happened >= f.Times {
			continue
		}
		f.happened++
		return f.Do
	}
	return ""
}

// suffer does what a fault says; nil: nothing goes wrong.
func (s *Server) suffer(do Action, conn net.Conn) error {
	switch do {
	case Refuse, Unknown:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
	case Greylist:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again later"}
	case Full:
		return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 2, 2}, Message: "Mailbox full"}
	case Hang:
		<-s.closed
		fallthrough
	case Drop, TakeDrop:
		_ = conn.Close()
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Gone"}
	}
	return nil
}

// door is where clients come in. What goes wrong there goes wrong before they are
// greeted, and holds up nobody else.
type door struct {
	net.Listener
	server *Server
}

// Accept gives the next client that may come in.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		switch do := d.server.fault(Greeting); do {
		case Hang, Drop:
			go func() { _ = d.server.suffer(do, conn) }()
		default:
			return conn, nil
		}
	}
}
