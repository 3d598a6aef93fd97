#include "server/http.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

namespace strom::server {
namespace {

namespace beast_http = boost::beast::http;

// Reads one request. An error code means: answer nothing more than 400 and close.
struct ParsedRequest {
  std::string method;
  std::string target;
  bool keep_alive = false;
};

enum class ReadOutcome { kRequest, kClosed, kBad, kTooLarge };

runtime::Task<ReadOutcome> ReadRequest(runtime::Connection& connection, Bytes& pending,
                                       ParsedRequest& request) {
  beast_http::request_parser<beast_http::string_body> parser;
  parser.header_limit(HttpServer::kMaxRequestBytes);
  parser.body_limit(HttpServer::kMaxRequestBytes);
  parser.eager(true);
  size_t taken = 0;
  for (;;) {
    if (!pending.empty()) {
      boost::system::error_code error;
      const size_t used = parser.put(boost::asio::buffer(pending.data(), pending.size()), error);
      pending.erase(pending.begin(), pending.begin() + static_cast<ptrdiff_t>(used));
      if (error && error != beast_http::error::need_more) {
        const bool too_large =
            error == beast_http::error::header_limit || error == beast_http::error::body_limit;
        co_return too_large ? ReadOutcome::kTooLarge : ReadOutcome::kBad;
      }
      if (parser.is_done()) {
        const auto& message = parser.get();
        request.method = std::string(message.method_string());
        request.target = std::string(message.target());
        request.keep_alive = message.keep_alive();
        co_return ReadOutcome::kRequest;
      }
    }
    if (taken >= 2 * HttpServer::kMaxRequestBytes) co_return ReadOutcome::kTooLarge;
    const size_t before = pending.size();
    pending.resize(before + 4096);
    Result<size_t> got = co_await connection.Read(MutableByteView(pending).subspan(before));
    if (!got || *got == 0) co_return ReadOutcome::kClosed;
    pending.resize(before + *got);
    taken += *got;
  }
}

std::string Serialize(const HttpAnswer& answer, bool keep_alive, bool with_body) {
  beast_http::response<beast_http::string_body> response(
      static_cast<beast_http::status>(answer.status), 11);
  response.set(beast_http::field::server, "strom");
  response.set(beast_http::field::content_type, answer.content_type);
  if (answer.status == 405) response.set(beast_http::field::allow, "GET, HEAD");
  response.keep_alive(keep_alive);
  response.content_length(answer.body.size());
  std::ostringstream text;
  text << response.base();
  return text.str() + (with_body ? answer.body : std::string());
}

}  // namespace

HttpServer::HttpServer(std::unique_ptr<runtime::Listener> listener, std::vector<HttpRoute> routes)
    : listener_(std::move(listener)), routes_(std::move(routes)) {}

void HttpServer::Start() {
  tasks_.Spawn(AcceptLoop());
}

runtime::Task<void> HttpServer::Stop() {
  listener_->Close();
  for (runtime::Connection* connection : open_)
    connection->Close();
  co_await tasks_.Join();
}

runtime::Task<void> HttpServer::AcceptLoop() {
  for (;;) {
    auto pending = co_await listener_->Accept();
    if (!pending) co_return;
    auto connection = runtime::ThisShard().network().Attach(std::move(*pending));
    if (open_.size() >= kMaxConnections) continue;
    tasks_.Spawn(Serve(std::move(connection)));
  }
}

HttpAnswer HttpServer::Answer(std::string_view method, std::string_view target) const {
  if (method != "GET" && method != "HEAD") return {405, "text/plain", "Only GET and HEAD.\n"};
  const std::string_view path = target.substr(0, target.find('?'));
  for (const HttpRoute& route : routes_) {
    if (route.path == path) return route.answer();
  }
  std::string known;
  for (const HttpRoute& route : routes_)
    known += " " + route.path;
  return {404, "text/plain", "Not here; there is" + known + ".\n"};
}

runtime::Task<void> HttpServer::Serve(std::unique_ptr<runtime::Connection> connection) {
  open_.push_back(connection.get());
  Bytes pending;
  bool keep_alive = true;
  while (keep_alive) {
    ParsedRequest request;
    HttpAnswer answer;
    const ReadOutcome outcome = co_await ReadRequest(*connection, pending, request);
    if (outcome == ReadOutcome::kClosed) break;
    if (outcome == ReadOutcome::kRequest) {
      keep_alive = request.keep_alive;
      answer = Answer(request.method, request.target);
    } else {
      keep_alive = false;
      answer = outcome == ReadOutcome::kTooLarge
                   ? HttpAnswer{431, "text/plain", "The request is too large.\n"}
                   : HttpAnswer{400, "text/plain", "This is no HTTP request.\n"};
    }
    const std::string text = Serialize(answer, keep_alive, request.method != "HEAD");
    const ByteView piece = AsBytes(text);
    if (!co_await connection->Write({&piece, 1})) break;
  }
  std::erase(open_, connection.get());
}

}  // namespace strom::server
