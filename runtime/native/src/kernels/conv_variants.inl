// The ways to run a convolution: the first that suits it does. Needs the files of all.

static const ConvVariant CONV_VARIANTS[] = {
    {ConvKind::FoldedPair,
     suits_folded_pair,
     prepare_folded_pair,
     {few_outputs_items, folded_pair_run, folded_pair_scratch, few_outputs_area, folded_pair_region}},
    {ConvKind::FewOutputs,
     suits_few_outputs,
     prepare_few_outputs,
     {few_outputs_items, few_outputs_run, few_outputs_scratch, few_outputs_area, few_outputs_region}},
    {ConvKind::Dense, suits_dense, prepare_dense, {dense_items, dense_run, dense_scratch, dense_area, dense_region}},
    {ConvKind::Point, suits_point, prepare_point, {taps_items, point_run, point_scratch, taps_area, point_region}},
    {ConvKind::Taps, suits_taps, prepare_taps, {taps_items, taps_run, taps_scratch, taps_area, taps_region}},
};

static constexpr OpKernel conv_kernel{nullptr, nullptr, nullptr};  // by its variant
