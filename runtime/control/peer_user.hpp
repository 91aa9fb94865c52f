// Whose a loopback connection's other end is. The kernel knows both ends, and is asked for the other one.
#pragma once

namespace troupe::control {

/// Whether the other end of this TCP connection belongs to the user of this process, or to root. False where it is
/// another host's, where its owner has closed it, and where the kernel does not say.
bool peer_is_of_this_user(int fd);

}  // namespace troupe::control
