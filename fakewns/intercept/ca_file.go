package intercept

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Names of the files in the CA's folder.
const (
	caCertFile = "ca.pem"
	caKeyFile  = "ca-key.pem"
)

// LoadCA loads the authority from dir, and creates it on the first run. Only the owner
// may be able to read the key. names are hosts or addresses that the CA may sign for,
// besides those of WNS and of loopback; if a kept CA lacks one, it gets a new certificate
// with the same key, and Note says so.
func LoadCA(dir string, names ...string) (*CA, error) {
	certPath, keyPath := filepath.Join(dir, caCertFile), filepath.Join(dir, caKeyFile)
	keyPEM, keyErr := os.ReadFile(keyPath)
	certPEM, certErr := os.ReadFile(certPath)
	noKey, noCert := errors.Is(keyErr, os.ErrNotExist), errors.Is(certErr, os.ErrNotExist)
	switch {
	case noKey && noCert:
		return createCA(dir, certPath, keyPath, names)
	case noKey && certErr == nil:
		return nil, fmt.Errorf("lab CA: %s is there without its key, %s: put the key back, or delete the certificate to make a new CA, which servers then have to trust", certPath, caKeyFile)
	case noCert && keyErr == nil:
		return nil, fmt.Errorf("lab CA: the key %s is there without its certificate, %s: put the certificate back, or delete the key to make a new CA, which servers then have to trust", keyPath, caCertFile)
	case keyErr != nil:
		return nil, fmt.Errorf("lab CA: %w", keyErr)
	case certErr != nil:
		return nil, fmt.Errorf("lab CA: %w", certErr)
	}
	if err := private(keyPath); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("lab CA in %s is damaged: %w; delete the folder to make a new one", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("lab CA in %s: the key is not ECDSA; delete the folder to make a new one", dir)
	}
	ca, err := newCA(key, pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	if time.Now().After(ca.cert.NotAfter) {
		return nil, fmt.Errorf("lab CA in %s expired on %s; delete the folder to make a new one", dir, ca.cert.NotAfter.Format(time.DateOnly))
	}
	ca.CertFile = certPath
	if !constrained(ca.cert) {
		ca.Note = fmt.Sprintf("the lab CA in %s is of an older dmwake and may sign for every name: whoever gets its key can be any host to the servers that trust it. Delete the folder to make a CA that is limited to the lab's names", dir)
		return ca, nil
	}
	return ca.extend(names)
}

// extend gives a kept CA the names that it lacks.
func (c *CA) extend(names []string) (*CA, error) {
	more := slices.DeleteFunc(hosts(names), c.permits)
	if len(more) == 0 {
		return c, nil
	}
	next, err := certify(c.key, c.cert.Subject, c.permitted().add(more))
	if err != nil {
		return nil, err
	}
	if err := replace(c.CertFile, next.PEM(), 0o644); err != nil {
		return nil, err
	}
	next.CertFile = c.CertFile
	next.Note = fmt.Sprintf("the lab CA may now sign for %s, too: what connects there has to load %s again", strings.Join(more, ", "), c.CertFile)
	return next, nil
}

func createCA(dir, certPath, keyPath string, names []string) (*CA, error) {
	ca, err := NewCA(names...)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(ca.key)
	if err != nil {
		return nil, fmt.Errorf("lab CA: %w", err)
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := replace(keyPath, keyPEM, 0o600); err != nil {
		return nil, err
	}
	if err := private(keyPath); err != nil {
		return nil, errors.Join(err, os.Remove(keyPath))
	}
	if err := replace(certPath, ca.PEM(), 0o644); err != nil {
		return nil, errors.Join(err, os.Remove(keyPath))
	}
	ca.CertFile = certPath
	return ca, nil
}

// replace writes a file that is whole at every moment.
func replace(path string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("lab CA: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("lab CA: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// private refuses a key that others can read. Windows keeps that in access control lists,
// which a new file has from its folder.
func private(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("lab CA: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("lab CA: others can read its key, %s (mode %04o): run chmod 600 on it, or delete the folder to make a new CA if somebody may have read it. "+
			"On a file system without permissions, set wns.ca_dir (mdm --ca-dir) to a folder elsewhere", path, mode)
	}
	return nil
}
