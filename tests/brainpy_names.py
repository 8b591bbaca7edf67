"""The names of brainpy.math 2.8.2, for the test that tells which are there."""

OF_NUMPY = """
full full_like eye identity diag tri tril triu empty empty_like ones ones_like zeros zeros_like
array asarray arange linspace logspace fill_diagonal real imag conj conjugate ndim isreal
isscalar add reciprocal negative positive multiply divide power subtract true_divide
floor_divide float_power fmod mod modf divmod remainder abs exp exp2 expm1 log log10 log1p log2
logaddexp logaddexp2 lcm gcd arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh sin
sinc sinh tan tanh deg2rad hypot rad2deg degrees radians round around round_ rint floor ceil
trunc prod sum diff median nancumprod nancumsum nanprod nansum cumprod cumsum ediff1d cross
isfinite isinf isnan signbit copysign nextafter ldexp frexp convolve sqrt cbrt square absolute
fabs sign heaviside maximum minimum fmax fmin interp clip angle bitwise_and bitwise_not
bitwise_or bitwise_xor invert left_shift right_shift equal not_equal greater greater_equal less
less_equal array_equal isclose allclose logical_and logical_not logical_or logical_xor all any
alltrue sometrue shape size reshape ravel moveaxis transpose swapaxes concatenate stack vstack
hstack dstack column_stack split dsplit hsplit vsplit tile repeat unique append flip fliplr
flipud roll atleast_1d atleast_2d atleast_3d expand_dims squeeze sort argsort argmax argmin
argwhere nonzero flatnonzero where searchsorted extract count_nonzero max min amax amin
array_split meshgrid vander tril_indices tril_indices_from triu_indices triu_indices_from take
select nanmin nanmax ptp percentile nanpercentile quantile nanquantile average mean std var
nanmedian nanmean nanstd nanvar corrcoef correlate cov histogram bincount digitize bartlett
blackman hamming hanning kaiser e pi inf dot vdot inner outer kron matmul trace dtype finfo
iinfo product row_stack apply_over_axes apply_along_axis array_equiv array_repr array_str block
broadcast_arrays broadcast_shapes broadcast_to compress cumproduct diag_indices
diag_indices_from diagflat diagonal einsum einsum_path geomspace gradient histogram2d
histogram_bin_edges histogramdd i0 in1d indices insert intersect1d iscomplex isin ix_ lexsort
load save savez mask_indices msort nan_to_num nanargmax setdiff1d nanargmin pad poly polyadd
polyder polyfit polyint polymul polysub polyval resize rollaxis roots rot90 setxor1d tensordot
trim_zeros union1d unravel_index unwrap take_along_axis can_cast choose copy frombuffer fromfile
fromfunction fromiter fromstring get_printoptions iscomplexobj isneginf isposinf isrealobj
issubdtype issubsctype iterable packbits piecewise printoptions set_printoptions promote_types
ravel_multi_index result_type sort_complex unpackbits delete asanyarray ascontiguousarray
asfarray asscalar common_type genfromtxt loadtxt info place polydiv put putmask safe_eval
savetxt savez_compressed show_config typename copyto matrix asmatrix mat
""".split()
"""What mirrors a function of NumPy."""

OTHERS = """
Tensor flatten unflatten unsqueeze cat abs absolute acos arccos acosh arccosh add addcdiv
addcmul angle asin arcsin asinh arcsinh atan arctan atan2 atanh arctanh clamp_max clamp_min
arctan2 concat reduce_sum reduce_max reduce_min reduce_mean reduce_all reduce_any
reduce_logsumexp reduce_prod reduce_std reduce_variance reduce_euclidean_norm
unsorted_segment_sqrt_n segment_mean unsorted_segment_sum unsorted_segment_prod
unsorted_segment_max unsorted_segment_min unsorted_segment_mean segment_sum segment_prod
segment_max segment_min clip_by_value cast celu elu gelu glu prelu hard_tanh hard_sigmoid
tanh_shrink hard_silu hard_swish hard_shrink leaky_relu log_sigmoid log_softmax one_hot
normalize relu relu6 rrelu sigmoid soft_sign softmax softmin softplus soft_shrink silu mish
swish selu identity tanh as_device_array as_jax as_ndarray as_numpy as_variable from_numpy
is_bp_array device_mesh get_sharding partition_by_axname partition_by_sharding partition
keep_constraint NEU_AXIS PRE_AXIS POST_AXIS SYN_AXIS BATCH_AXIS TIME_AXIS shared_args_over_time
remove_diag clip_by_norm exprel is_float_type add_axis add_axes uint8 uint16 uint32 uint64 int8
int16 int32 int64 float16 float32 float64 complex64 complex128 bfloat16 half float double cfloat
cdouble short int long bool ein_reduce ein_rearrange ein_repeat ein_shape event sparse jitconn
surrogate TimeDelay LengthDelay NeuTimeDelay NeuLenDelay Scaling IdScaling
""".split()
"""Names of PyTorch and TensorFlow, activations, conversions, shardings, dtypes."""

TRANSFORMATIONS = """
jit cls_jit grad vector_grad functional_vector_grad jacobian jacrev jacfwd hessian cond ifelse
for_loop scan while_loop to_object function Partial ProgressBar
""".split()
"""Its transformations and control flow."""

ENVIRONMENT = """
environment batching_environment training_environment set_environment set set_float get_float
set_int get_int set_bool get_bool set_complex get_complex set_dt get_dt set_mode get_mode
set_membrane_scaling get_membrane_scaling enable_x64 disable_x64 set_platform get_platform
set_host_device_count clear_buffer_memory enable_gpu_memory_preallocation
disable_gpu_memory_preallocation ditype dftype mode membrane_scaling dt bool_ int_ float_ complex_
bp_object_as_pytree numpy_func_return Mode NonBatchingMode BatchingMode TrainingMode
nonbatching_mode batching_mode training_mode
""".split()
"""Its settings and modes."""

OBJECTS = """
Variable TrainVar Parameter VariableView VarList var_list VarDict var_dict NodeList node_list
NodeDict node_dict BrainPyObject FunAsObject ObjectTransform Collector ArrayCollector
TensorCollector ShardedArray clear_name_cache AbstractDelay ROTATE_UPDATE CONCAT_UPDATE
""".split()
"""Its kinds of variables, objects and containers."""

MODULES = """
activations autograd base braintools collectors compat_numpy compat_pytorch compat_tensorflow
controls datatypes delayvars interoperability modes naming object_transform others pre_syn_post
scales sharding variables
""".split()
"""Its modules, beside `random`, `linalg` and `fft`."""

OF_ARRAYS = """
T abs absolute addr all any arccos arccos_ arcsin arcsin_ arctan arctan_ argmax argmin
argpartition argsort as_variable astype at block_host_until_ready block_until_ready bool
byteswap choose clamp clamp_ clip clone compress conj conjugate copy cos cos_ cosh cumprod
cumsum data device device_buffer diagonal dot double dtype expand expand_as expand_dims fill
fill_ flatten float half imag int item itemsize long mT max mean min mul multiply nbytes ndim
nonzero numpy outer pow prod ptp put ravel real repeat reshape resize round searchsorted shape
sin sin_ sinh sinh_ size sort split squeeze std sum swapaxes take tan tan_ tanh tanh_ tile
to_jax to_numpy tolist trace transpose tree_flatten tree_unflatten unsqueeze update value var
view zero_
""".split()
"""What its arrays have."""
