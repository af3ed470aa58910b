/* From the values of a torch pickle to the storages and tensors of a checkpoint; the same for both containers. */
#ifndef LX_TORCH_TENSORS_H
#define LX_TORCH_TENSORS_H

#include "checkpoint.h"
#include "torch_pickle.h"

/** List the storages that the pickle mentions, sorted by key, none found yet. LIAX_E_FORMAT; LIAX_E_MEMORY. */
LiaxStatus lx_torch_list_storages(LxCheckpoint *c, const LxPickle *p, LxLog *log);

/** The storage of that key; NULL if the pickle mentions none. */
LxStorage *lx_torch_find_storage(const LxCheckpoint *c, const char *key);

/** List the tensors below the pickle's root, once every storage is found. LIAX_E_FORMAT; LIAX_E_MEMORY. */
LiaxStatus lx_torch_list_tensors(LxCheckpoint *c, LxPickle *p, LxLog *log);

#endif
