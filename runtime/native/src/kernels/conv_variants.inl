// The ways to run a convolution: the first that suits it does. Needs the files of all.

static const ConvVariant CONV_VARIANTS[] = {
    {ConvKind::FoldedPair, suits_folded_pair, prepare_folded_pair, {few_outputs_items, folded_pair_run, folded_pair_scratch}},
    {ConvKind::FewOutputs, suits_few_outputs, prepare_few_outputs, {few_outputs_items, few_outputs_run, few_outputs_scratch}},
    {ConvKind::Dense, suits_dense, prepare_dense, {dense_items, dense_run, dense_scratch, dense_run_cells}},
    {ConvKind::Point, suits_point, prepare_point, {taps_items, point_run, point_scratch, point_run_cells}},
    {ConvKind::Taps, suits_taps, prepare_taps, {taps_items, taps_run, taps_scratch, taps_run_cells}},
};

static constexpr OpKernel conv_kernel{nullptr, nullptr, nullptr};  // by its variant
