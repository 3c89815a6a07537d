package process

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

// Port is one of TCP on loopback.
type Port int

func (p Port) String() string { return strconv.Itoa(int(p)) }

// Address is 127.0.0.1:port.
func (p Port) Address() string { return net.JoinHostPort("127.0.0.1", p.String()) }

// FreePorts sets ports to ones that are free at this moment: another process may take one before a program opens it.
// Held until all are chosen, they differ.
func FreePorts(ctx context.Context, ports ...*Port) error {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, port := range ports {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		held = append(held, l)
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return fmt.Errorf("%s is no address of TCP", l.Addr())
		}
		*port = Port(address.Port)
	}
	return nil
}
