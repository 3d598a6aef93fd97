// Offsets of producers (spec 06, 16.4), answered on the coordinator's shard.
#include "server/cold.h"
#include "server/handlers.h"
#include "server/server.h"

namespace strom::server {
namespace {

namespace pb = wire::pb;

coordinator::ProducerRegistry::Tables TablesOf(const pb::RegisterProducerOffsetsRequest& body) {
  coordinator::ProducerRegistry::Tables tables;
  for (const pb::PbProducerTableOffsets& table : body.table_offsets()) {
    auto& offsets = tables[TableId(table.table_id())];
    for (const pb::PbBucketOffset& entry : table.bucket_offsets()) {
      TableBucket bucket{TableId(table.table_id()), std::nullopt, BucketId(entry.bucket_id())};
      if (entry.has_partition_id()) bucket.partition = PartitionId(entry.partition_id());
      offsets[bucket] = Offset(entry.log_end_offset());
    }
  }
  return tables;
}

pb::GetProducerOffsetsResponse ToMessage(std::string_view id,
                                         const metadata::ProducerOffsets& known) {
  pb::GetProducerOffsetsResponse response;
  response.set_producer_id(std::string(id));
  response.set_expiration_time(known.expires.ms);
  for (const auto& [table, offsets] : known.tables) {
    pb::PbProducerTableOffsets& listed = *response.add_table_offsets();
    listed.set_table_id(table.value);
    for (const auto& [bucket, offset] : offsets) {
      pb::PbBucketOffset& entry = *listed.add_bucket_offsets();
      if (bucket.partition) entry.set_partition_id(bucket.partition->value);
      entry.set_bucket_id(bucket.bucket.value);
      entry.set_log_end_offset(offset.value);
    }
  }
  return response;
}

}  // namespace

runtime::Task<Response> HandleRegisterProducerOffsets(RequestContext& request) {
  auto parsed = wire::ParseMessage<pb::RegisterProducerOffsetsRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  Server& server = request.home.server;
  const Result<bool> created = co_await runtime::CallOn(server.coordinator_shard(), [&] {
    return server.coordinator().producers().Register(
        parsed->producer_id(), TablesOf(*parsed),
        parsed->has_ttl_ms() ? std::optional(parsed->ttl_ms()) : std::nullopt);
  });
  if (!created) co_return wire::EncodeError(request.header.request_id, created.error());
  pb::RegisterProducerOffsetsResponse response;
  response.set_result(*created ? 0 : 1);
  co_return wire::EncodeSuccess(request.header.request_id, response);
}

runtime::Task<Response> HandleGetProducerOffsets(RequestContext& request) {
  auto parsed = wire::ParseMessage<pb::GetProducerOffsetsRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  Server& server = request.home.server;
  const auto known = co_await runtime::CallOn(server.coordinator_shard(), [&] {
    return server.coordinator().producers().Get(parsed->producer_id());
  });
  if (!known) co_return wire::EncodeError(request.header.request_id, known.error());
  co_return wire::EncodeSuccess(
      request.header.request_id,
      *known ? ToMessage(parsed->producer_id(), **known) : pb::GetProducerOffsetsResponse());
}

runtime::Task<Response> HandleDeleteProducerOffsets(RequestContext& request) {
  auto parsed = wire::ParseMessage<pb::DeleteProducerOffsetsRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  Server& server = request.home.server;
  const Status gone = co_await runtime::CallOn(server.coordinator_shard(), [&] {
    return server.coordinator().producers().Delete(parsed->producer_id());
  });
  co_return EncodeStatus<pb::DeleteProducerOffsetsResponse>(request, gone);
}

}  // namespace strom::server
