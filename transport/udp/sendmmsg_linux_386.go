//go:build !js

package udp

// sysSendmmsg is the number of sendmmsg(2), which package syscall lacks here.
const sysSendmmsg = 345
