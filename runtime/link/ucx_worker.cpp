#include "runtime/link/ucx_worker.hpp"

// UCX's own headers of this kind lack the C linkage that its library has.
extern "C" {
#include <ucs/config/global_opts.h>
#include <ucs/debug/debug.h>
}

#include <csignal>
#include <cstdlib>

namespace troupe::link {
namespace {

Error unavailable(const std::string& what, ucs_status_t status) {
  return {ErrorCode::kUnavailable, "UCX: " + what + ": " + ucs_status_string(status)};
}

// UCX's library takes over the handlers of crashes when it is loaded; a core dump is worth more than its backtrace.
void quieten_ucx() {
  static const bool done = [] {
    for (const int signal : {SIGILL, SIGSEGV, SIGBUS, SIGFPE}) ucs_debug_disable_signal(signal);
    // Somebody who asks UCX for its log by its own variable gets it.
    if (std::getenv("UCX_LOG_LEVEL") == nullptr) ucs_global_opts_set_value("LOG_LEVEL", "error");
    ucs_global_opts_set_value("WARN_UNUSED_ENV_VARS", "n");
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

Result<std::unique_ptr<UcxWorker>> UcxWorker::open(Transport transport, const std::string& tcp_device) {
  quieten_ucx();
  std::unique_ptr<UcxWorker> made(new UcxWorker(transport));
  const bool tcp = transport == Transport::kTcp;

  ucp_config_t* config = nullptr;
  if (const ucs_status_t status = ucp_config_read(nullptr, nullptr, &config); status != UCS_OK) {
    return unavailable("its configuration cannot be read", status);
  }
  ucs_status_t status = ucp_config_modify(config, "TLS", tcp ? "tcp" : "posix");
  if (status == UCS_OK) status = ucp_config_modify(config, "NET_DEVICES", tcp ? tcp_device.c_str() : "memory");
  // Without it posix endpoints cannot be closed by force: what is under way to a dead peer would never end. Its price
  // is that UCX leaves cma out. The name without the transport is the one that UCX 1.13 heeds.
  if (status == UCS_OK && !tcp) status = ucp_config_modify(config, "MM_ERROR_HANDLING", "y");
  // Zero-copy over tcp is off: when an endpoint fails with such a send under way, UCX 1.13.1 trips over an assertion of
  // its own (uct_iface.h:884, comp->count > 0) and ends the process.
  if (status == UCS_OK && tcp) status = ucp_config_modify(config, "TCP_PUT_ENABLE", "n");
  if (status == UCS_OK && tcp) status = ucp_config_modify(config, "ZCOPY_THRESH", "inf");
  if (status == UCS_OK) status = ucp_config_modify(config, "KEEPALIVE_INTERVAL", "1s");
  if (status == UCS_OK) {
    ucp_params_t params{};
    params.field_mask = UCP_PARAM_FIELD_FEATURES;
    params.features = UCP_FEATURE_AM | UCP_FEATURE_WAKEUP | (tcp ? 0 : UCP_FEATURE_RMA);
    status = ucp_init(&params, config, &made->context_);
  }
  ucp_config_release(config);
  const std::string what = tcp ? "tcp on the network device \"" + tcp_device + "\"" : "shared memory";
  if (status != UCS_OK) return unavailable(what + " cannot be set up", status);

  ucp_worker_params_t params{};
  params.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
  params.thread_mode = UCS_THREAD_MODE_SINGLE;
  status = ucp_worker_create(made->context_, &params, &made->worker_);
  if (status != UCS_OK) return unavailable(what + ": no worker", status);
  status = ucp_worker_get_efd(made->worker_, &made->event_fd_);
  if (status != UCS_OK) return unavailable(what + ": no event file descriptor", status);
  ucp_address_t* address = nullptr;
  std::size_t length = 0;
  status = ucp_worker_get_address(made->worker_, &address, &length);
  if (status != UCS_OK) return unavailable(what + ": no address", status);
  made->address_.assign(reinterpret_cast<const char*>(address), length);
  ucp_worker_release_address(made->worker_, address);
  return made;
}

UcxWorker::~UcxWorker() {
  if (worker_ != nullptr) ucp_worker_destroy(worker_);
  if (context_ != nullptr) ucp_cleanup(context_);
}

void UcxWorker::on_message(unsigned id, ucp_am_recv_callback_t handler, void* argument) {
  ucp_am_handler_param_t param{};
  param.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_FLAGS | UCP_AM_HANDLER_PARAM_FIELD_CB |
                     UCP_AM_HANDLER_PARAM_FIELD_ARG;
  param.id = id;
  param.flags = UCP_AM_FLAG_WHOLE_MSG;
  param.cb = handler;
  param.arg = argument;
  const ucs_status_t status = ucp_worker_set_am_recv_handler(worker_, &param);
  CHECK(status == UCS_OK, ucs_status_string(status));
}

}  // namespace troupe::link
