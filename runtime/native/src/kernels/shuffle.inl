// DepthToSpace and SpaceToDepth. Needs lanes.inl. Strips are r times as long as each other, so lanes stay where they are.
// Blocks are numbered as the file does, row by row of the upright image: by column here (plan/turn.hpp).

static inline void copy_pixels(const float* from, int64_t from_step, float* to, int64_t to_step, int count) {
    for (int x = 0; x < count; ++x) store(to + x * to_step, load(from + x * from_step));
}

// Items are rows of the deep value, for one channel of the wide one.
static int depth_to_space_items(const Job& job) { return job.out.channels * job.in0.rows; }

static void depth_to_space_run(const Job& job, int item, float*) {
    const int r = job.op->depth_to_space.block, c = item / job.in0.rows, y = item % job.in0.rows;
    for (int dy = 0; dy < r; ++dy)
        for (int dx = 0; dx < r; ++dx)
            copy_pixels(pixel_at(job.in0, (c * r + dx) * r + dy, y, job.from / r), LANES,
                        pixel_at(job.out, c, int64_t(y) * r + dy, job.from + dx), r * LANES, (job.to - job.from) / r);
}

static constexpr OpKernel depth_to_space_kernel{depth_to_space_items, depth_to_space_run, nullptr};

static int space_to_depth_items(const Job& job) { return job.in0.channels * job.out.rows; }

static void space_to_depth_run(const Job& job, int item, float*) {
    const int r = job.op->space_to_depth.block, c = item / job.out.rows, y = item % job.out.rows;
    for (int dy = 0; dy < r; ++dy)
        for (int dx = 0; dx < r; ++dx)
            copy_pixels(pixel_at(job.in0, c, int64_t(y) * r + dy, int64_t(job.from) * r + dx), r * LANES,
                        pixel_at(job.out, (dx * r + dy) * job.in0.channels + c, y, job.from), LANES, job.to - job.from);
}

static constexpr OpKernel space_to_depth_kernel{space_to_depth_items, space_to_depth_run, nullptr};
