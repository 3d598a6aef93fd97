// The catalog as the store holds it.
#pragma once

#include "base/result.h"
#include "metadata/catalog.h"
#include "metadata/store.h"
#include "runtime/task.h"

namespace strom::metadata {

// kStorage names the document that cannot be read. Schemas without a registration are left over
// from nothing that was answered and are passed over (spec 06, 5).
runtime::Task<Result<Catalog>> LoadCatalog(MetadataStore& store);

}  // namespace strom::metadata
