package kubetest

import (
	"crypto/rand"
	"fmt"
)

// The users of a cluster, and what they may do when it has been started.
const (
	AdminUser  = "kubetest-admin"   // everything
	ReaderUser = "integrity-reader" // nothing, until a test makes a role and binds it
	WriterUser = "integrity-writer" // the same
	OtherUser  = "other-controller" // everything; plays the one who reverts what others have done
)

// Tokens are secrets, each of one user, and new for each cluster.
type Tokens struct {
	Admin, Reader, Writer, Other string
}

func newTokens() Tokens { return Tokens{rand.Text(), rand.Text(), rand.Text(), rand.Text()} }

// csv is what --token-auth-file expects: token, user, uid, and groups, of which system:masters may do everything.
func (t Tokens) csv() []byte {
	return fmt.Appendf(nil, "%s,%s,1,system:masters\n%s,%s,2\n%s,%s,3\n%s,%s,4,system:masters\n",
		t.Admin, AdminUser, t.Reader, ReaderUser, t.Writer, WriterUser, t.Other, OtherUser)
}
