// Ends the listening of a gRPC server that goes on otherwise, which gRPC itself does not offer.
#pragma once

namespace watchbell::rpc {

// Closes this process's listening sockets on a TCP port; connections stay. The descriptors, which
// are gRPC's to close, are left to it as those of a socket where nothing ever comes: one that was
// only shut down would wake its poller with an error. Linux only, by /proc/self/fd.
void StopListening(int port);

}  // namespace watchbell::rpc
