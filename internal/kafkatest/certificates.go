package kafkatest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TLS says who shows a certificate.
type TLS int

// The kinds of TLS.
const (
	NoTLS     TLS = iota
	ServerTLS     // the brokers do
	MutualTLS     // the clients have to, too
)

// Certificates are the files that a client of a cluster with TLS is given, in the PEM format.
type Certificates struct {
	// CA is whom to believe.
	CA string
	// Certificate and Key are what to show; the brokers ask for it with [MutualTLS] only.
	Certificate, Key string

	server    *tls.Config
	client    *tls.Config
	serverPEM []byte // key and certificate
	caPEM     []byte
}

// authority signs for one test binary. Keys of elliptic curves take a millisecond.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

// theAuthority is a global because brokers that tests share outlive every one of them.
var theAuthority = sync.OnceValues(newAuthority) //nolint:gochecknoglobals // see above

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template("kafkatest's authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key, encode("CERTIFICATE", der)}, err
}

// template is a certificate that is valid while the tests run, whatever a virtual machine's clock does.
func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // crypto/rand does not fail (its documentation, Go 1.24)
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
}

// sign makes a key and a certificate for it, as PEM.
func (a *authority) sign(name string, use x509.ExtKeyUsage) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := template(name)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{use}
	template.IPAddresses, template.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private) // the only form of keys that Kafka reads
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8), err
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// issue makes the certificates of one test's cluster.
func issue(t testing.TB, kind TLS) *Certificates {
	t.Helper()
	c, err := newCertificates(t.TempDir(), kind)
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	return c
}

func newCertificates(dir string, kind TLS) (*Certificates, error) {
	ca, err := theAuthority()
	if err != nil {
		return nil, err
	}
	serverCert, serverKey, err := ca.sign("broker", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	clientCert, clientKey, err := ca.sign("client", x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, err
	}
	server, err := tls.X509KeyPair(serverCert, serverKey)
	if err != nil {
		return nil, err
	}
	client, err := tls.X509KeyPair(clientCert, clientKey)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	c := &Certificates{
		CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "client.pem"), Key: filepath.Join(dir, "client.key"),
		server:    &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{server}, ClientCAs: pool},
		client:    &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool},
		serverPEM: append(serverKey, serverCert...), caPEM: ca.pem,
	}
	if kind == MutualTLS {
		c.server.ClientAuth, c.client.Certificates = tls.RequireAndVerifyClientCert, []tls.Certificate{client}
	}
	for path, content := range map[string][]byte{c.CA: ca.pem, c.Certificate: clientCert, c.Key: clientKey} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func dialTLS(ctx context.Context, config *tls.Config, network, address string) (net.Conn, error) {
	return (&tls.Dialer{Config: config}).DialContext(ctx, network, address)
}
