package mailtest

import (
	"crypto/subtle"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one client.
type session struct {
	server *Server
	conn   *smtp.Conn
	known  bool // gave the right password
	from   string
	to     []string
}

// session begins with EHLO.
func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	if err := s.suffer(s.fault(Hello), c.Conn()); err != nil {
		return nil, err
	}
	return &session{server: s, conn: c}, nil
}

// AuthMechanisms implements smtp.AuthSession.
func (c *session) AuthMechanisms() []string {
	if c.server.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		o := c.server.options
		if subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(o.User+"\x00"+o.Password)) == 0 {
			return smtp.ErrAuthFailed
		}
		c.known = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.server.options.User != "" && !c.known {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return c.server.suffer(c.server.fault(From), c.conn.Conn())
}

// Rcpt implements smtp.Session.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	do := c.server.fault(To, to)
	if do == Unknown {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + ">: Recipient address rejected: User unknown in local recipient table"}
	}
	if err := c.server.suffer(do, c.conn.Conn()); err != nil {
		return err
	}
	c.to = append(c.to, to)
	return nil
}

// Data implements smtp.Session.
func (c *session) Data(r io.Reader) error {
	if err := c.server.suffer(c.server.fault(Text, c.to...), c.conn.Conn()); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	mail, err := Parse(c.from, c.to, raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "This is no mail"}
	}
	do := c.server.fault(Delivered, c.to...)
	if do == TakeDrop {
		c.server.keep(mail)
	}
	if err := c.server.suffer(do, c.conn.Conn()); err != nil {
		return err
	}
	c.server.keep(mail)
	return nil
}

// Reset implements smtp.Session.
func (c *session) Reset() { c.from, c.to = "", nil }

// Logout implements smtp.Session.
func (c *session) Logout() error { return nil }
