#include "client/cluster.h"

#include "client/hot_messages.h"
#include "runtime/shard.h"
#include "wire/messages.pb.h"

namespace strom::client {
namespace {

constexpr std::chrono::milliseconds kAskAgainAfter{20};

void SetPath(wire::pb::PbTablePath* path, const std::string& database, const std::string& table) {
  path->set_database_name(database);
  path->set_table_name(table);
}

// Nothing while a bucket of the table, or the table itself, has no leader that is alive.
std::optional<LocatedTable> LeadersOf(const wire::pb::MetadataResponse& metadata) {
  if (metadata.table_metadata_size() != 1) return std::nullopt;
  const auto& table = metadata.table_metadata(0);
  LocatedTable located{.id = TableId(table.table_id()), .leaders = {}};
  std::unordered_map<int32_t, runtime::Endpoint> servers;
  for (const auto& server : metadata.tablet_servers()) {
    servers[server.node_id()] = {server.host(), static_cast<uint16_t>(server.port())};
  }
  const auto count = static_cast<size_t>(table.bucket_metadata_size());
  located.leaders.resize(count);
  for (const auto& bucket : table.bucket_metadata()) {
    const auto server = bucket.has_leader_id() ? servers.find(bucket.leader_id()) : servers.end();
    const auto id = static_cast<size_t>(bucket.bucket_id());
    if (server == servers.end() || id >= count) return std::nullopt;
    located.leaders[id] = server->second;
  }
  if (count == 0) return std::nullopt;
  return located;
}

// Asks the leader until it answers for the bucket: it may learn of it later than clients do.
runtime::Task<Status> AwaitBucket(Connection& leader, TableId table, BucketId bucket,
                                  runtime::Instant deadline) {
  const Bytes body =
      FetchBody({.table = table, .bucket = bucket, .from = Offset(0), .max_bytes = 1});
  const ByteView piece = body;
  while (true) {
    STROM_CO_TRY(const Answer answer, co_await leader.Call(wire::Api::kFetchLog, {&piece, 1}));
    const auto fetched = ParseFetchAnswer(answer.body, Offset(0));
    // Records that retention or tiering has taken away are an answer, too.
    if (fetched || !InfoOf(fetched.error().code).retriable) co_return Status();
    if (runtime::ThisShard().Now() >= deadline) co_return std::unexpected(fetched.error());
    co_await runtime::Sleep(kAskAgainAfter);
  }
}

runtime::Task<Status> AwaitBuckets(const LocatedTable& table, runtime::Instant deadline) {
  std::vector<runtime::Endpoint> done;
  for (const runtime::Endpoint& leader : table.leaders) {
    if (std::ranges::find(done, leader) != done.end()) continue;
    done.push_back(leader);
    STROM_CO_TRY(auto connection, co_await OpenAndGreet(leader));
    Status answered;
    for (size_t i = 0; i < table.leaders.size() && answered; ++i) {
      if (table.leaders[i] != leader) continue;
      answered =
          co_await AwaitBucket(*connection, table.id, BucketId(static_cast<int32_t>(i)), deadline);
    }
    co_await connection->Close();
    if (!answered) co_return answered;
  }
  co_return Status();
}

}  // namespace

runtime::Task<Result<std::unique_ptr<Connection>>> OpenAndGreet(runtime::Endpoint endpoint) {
  STROM_CO_TRY(auto connection, co_await Connection::Open(std::move(endpoint)));
  wire::pb::ApiVersionsRequest hello;
  hello.set_client_software_name("strom");
  hello.set_client_software_version("0.1.0");
  auto versions =
      co_await connection->Ask<wire::pb::ApiVersionsResponse>(wire::Api::kApiVersions, hello);
  if (!versions) {
    co_await connection->Close();
    co_return std::unexpected(std::move(versions).error());
  }
  co_return connection;
}

runtime::Task<Result<std::unique_ptr<Cluster>>> Cluster::Connect(runtime::Endpoint endpoint) {
  STROM_CO_TRY(auto connection, co_await OpenAndGreet(std::move(endpoint)));
  co_return std::unique_ptr<Cluster>(new Cluster(std::move(connection)));
}

runtime::Task<Status> Cluster::CreateTable(std::string database, std::string table,
                                           std::string descriptor) {
  wire::pb::CreateDatabaseRequest home;
  home.set_database_name(database);
  home.set_ignore_if_exists(true);
  STROM_CO_TRY_VOID(co_await connection_->Ask<wire::pb::CreateDatabaseResponse>(
      wire::Api::kCreateDatabase, home));
  wire::pb::CreateTableRequest create;
  SetPath(create.mutable_table_path(), database, table);
  create.set_table_json(std::move(descriptor));
  create.set_ignore_if_exists(true);
  STROM_CO_TRY_VOID(
      co_await connection_->Ask<wire::pb::CreateTableResponse>(wire::Api::kCreateTable, create));
  co_return Status();
}

runtime::Task<Result<DescribedTable>> Cluster::Describe(std::string database, std::string table) {
  wire::pb::GetTableInfoRequest request;
  SetPath(request.mutable_table_path(), database, table);
  STROM_CO_TRY(const auto info, co_await connection_->Ask<wire::pb::GetTableInfoResponse>(
                                    wire::Api::kGetTableInfo, request));
  STROM_CO_TRY(auto descriptor, format::ParseTableDescriptor(info.table_json()));
  co_return DescribedTable{.id = TableId(info.table_id()),
                           .schema = SchemaId(info.schema_id()),
                           .descriptor = std::move(descriptor)};
}

runtime::Task<Result<LocatedTable>> Cluster::Locate(std::string database, std::string table,
                                                    std::chrono::milliseconds timeout) {
  wire::pb::MetadataRequest request;
  SetPath(request.add_table_path(), database, table);
  const runtime::Instant deadline = runtime::ThisShard().Now() + timeout;
  while (true) {
    auto metadata =
        co_await connection_->Ask<wire::pb::MetadataResponse>(wire::Api::kMetadata, request);
    // A table that was made just now may be unknown for a moment, whatever the error says.
    if (!metadata && metadata.error().code == ErrorCode::kNetwork) {
      co_return std::unexpected(std::move(metadata).error());
    }
    if (metadata) {
      if (auto located = LeadersOf(*metadata)) {
        STROM_CO_TRY_VOID(co_await AwaitBuckets(*located, deadline));
        co_return std::move(*located);
      }
    }
    if (runtime::ThisShard().Now() >= deadline) {
      co_return Fail(ErrorCode::kRequestTimeOut, "Table '{}.{}' has no leader for every bucket.",
                     database, table);
    }
    co_await runtime::Sleep(kAskAgainAfter);
  }
}

}  // namespace strom::client
