package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The users that a cluster has unless it is told otherwise.
const (
	Admin   = "admin"            // may do everything
	Reader  = "integrity-reader" // may do what it is granted
	Writer  = "integrity-writer" // the same
	Other   = "other-controller" // somebody else who changes things; may do everything but is not a master
	masters = "system:masters"   // the group that may do everything
	token   = "-token"           // the end of a usual token
)

// User is somebody who may log in with a token.
type User struct {
	Name   string
	Token  string
	Groups []string // besides system:authenticated; system:masters may do everything
	Rules  []Rule   // what the user may do, besides asking what it may do
}

// Rule allows verbs on resources, as those of a Role or a ClusterRole do: "*" is every one.
type Rule struct {
	Verbs     []string
	Groups    []string // API groups; "" is the core's, and so is no group
	Resources []string // "deployments", "deployments/scale"
	Names     []string // of objects; none: all
	// Namespaces in which it holds; none: in all of them and for what has none, as with a ClusterRoleBinding.
	Namespaces []string
}

// UsualUsers are [Admin], [Reader], [Writer] and [Other], whose tokens are their names and "-token".
func UsualUsers() []User {
	everything := []Rule{{Verbs: []string{"*"}, Groups: []string{"*"}, Resources: []string{"*"}}}
	return []User{
		{Name: Admin, Token: Admin + token, Groups: []string{masters}},
		{Name: Reader, Token: Reader + token},
		{Name: Writer, Token: Writer + token},
		{Name: Other, Token: Other + token, Rules: everything},
	}
}

// AddUser lets somebody log in, or replaces who has this token.
func (c *Cluster) AddUser(u User) error {
	if u.Name == "" || u.Token == "" {
		return errors.New("cluster: a user needs a name and a token")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[u.Token] = &u
	return nil
}

// Grant adds rules to those of a user.
func (c *Cluster) Grant(name string, rules ...Rule) error {
	return c.withUser(name, func(u *User) { u.Rules = append(slices.Clip(u.Rules), rules...) })
}

// Revoke takes all rules of a user away.
func (c *Cluster) Revoke(name string) error {
	return c.withUser(name, func(u *User) { u.Rules = nil })
}

func (c *Cluster) withUser(name string, f func(*User)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.users {
		if u.Name == name {
			f(u)
			return nil
		}
	}
	return fmt.Errorf("cluster: nobody is called %q", name)
}

// Token is that of a user; empty if there is nobody of this name.
func (c *Cluster) Token(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.users {
		if u.Name == name {
			return u.Token
		}
	}
	return ""
}

// Kubeconfig is what a client needs to log in with a token, whoever's it is.
func (c *Cluster) Kubeconfig(token string) []byte {
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: c.URL(), CertificateAuthorityData: c.trust}
	config.AuthInfos["user"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["context"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "user", Namespace: "default"}
	config.CurrentContext = "context"
	b, err := clientcmd.Write(*config)
	if err != nil {
		panic(fmt.Sprintf("cluster: encoding a kubeconfig: %v", err)) // impossible: it is made of strings
	}
	return b
}

// KubeconfigFile writes a kubeconfig into a directory, readable for its owner only, and returns its path.
func (c *Cluster) KubeconfigFile(dir, token string) (string, error) {
	path := filepath.Join(dir, strings.TrimSuffix(filepath.Base(token), "-token")+".kubeconfig")
	if err := os.WriteFile(path, c.Kubeconfig(token), 0o600); err != nil {
		return "", fmt.Errorf("cluster: writing a kubeconfig: %w", err)
	}
	return path, nil
}
