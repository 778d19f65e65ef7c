// The constants of math.hpp, from the lowest coefficient up: the output of benchmarks/native/coefficients.py.
#pragma once

namespace elman::ELMAN_ISA {

template <class T> struct Coefficients;

template <> struct Coefficients<float> {
    static constexpr float log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e4p-1f;
    static constexpr float ln2_low = 0x1.7f7d1cp-20f;
    static constexpr float half_ln2 = 0x1.62e43p-2f;
    static constexpr float bias = 0x1.fcp+6f;
    static constexpr float shifter = 0x1.8000fep+23f;
    static constexpr float exp_zero = -0x1.5e7488p+6f;
    static constexpr float sigmoid_one = 0x1.5fd76ep+6f;
    static constexpr float tanh_one = 0x1.2b7088p+3f;
    static constexpr float tanh_near = 0x1.1eb852p-1f;
    static constexpr float exponential[] = {
        0x1p+0f, 0x1.fffffap-1f, 0x1.0000bap-1f, 0x1.553884p-3f,
        0x1.5755d2p-5f, 0x1.fef9bcp-8f, 0x1.fe553cp-10f};
    static constexpr float scaled[] = {
        0x1.549ba6p+0f, 0x1.549ba6p+0f, 0x1.549ba4p-1f, 0x1.c623c2p-3f,
        0x1.c626f8p-5f, 0x1.6cec18p-7f, 0x1.e49e3ep-10f};
    static constexpr float hyperbolic[] = {
        0x1p+0f, 0x1.55550cp-2f, -0x1.6bbc38p-6f, 0x1.057a7p-9f};
    static constexpr float logarithm[] = {
        0x1.55557ap-1f, 0x1.995ed6p-2f, 0x1.31e096p-2f};
};

template <> struct Coefficients<double> {
    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefa38p-1;
    static constexpr double ln2_low = 0x1.ef35793c7673p-45;
    static constexpr double half_ln2 = 0x1.62e42fefa39efp-2;
    static constexpr double bias = 0x1.ff8p+9;
    static constexpr double shifter = 0x1.80000000003ffp+52;
    static constexpr double exp_zero = -0x1.62563b0faa2a5p+9;
    static constexpr double sigmoid_one = 0x1.62829795a81ecp+9;
    static constexpr double tanh_one = 0x1.3687a9f1af2b1p+4;
    static constexpr double tanh_near = 0x1.1eb851eb851ecp-1;
    static constexpr double exponential[] = {
        0x1p+0, 0x1.0000000000004p+0, 0x1.ffffffffffa89p-2, 0x1.5555555569ee1p-3,
        0x1.5555555086732p-5, 0x1.111111b71a9d5p-7, 0x1.6c16a56579a84p-10, 0x1.a01d16f8e4494p-13,
        0x1.9fe09640912b3p-16, 0x1.74997c892610bp-19, 0x1.131beec238b55p-22, 0x1.2f377c7f17bbap-25};
    static constexpr double scaled[] = {
        0x1.549ba5e353f7dp+0, 0x1.549ba5e353f7dp+0, 0x1.549ba5e353f8ap-1, 0x1.c624dd2f1a9b6p-3,
        0x1.c624dd2f14b29p-5, 0x1.6b50b0f29a4c4p-7, 0x1.e46b96b642f59p-10, 0x1.14cfc3605e5c1p-12,
        0x1.14cf829968251p-15, 0x1.ec1de5e828c47p-19, 0x1.8ab3882309a57p-22, 0x1.1d0a8b850326dp-25};
    static constexpr double hyperbolic[] = {
        0x1p+0, 0x1.5555555555555p-2, -0x1.6c16c16c169dcp-6, 0x1.1566abbfe8828p-9,
        -0x1.bbd77905ebc5ep-13, 0x1.66a8e4ac354e9p-16, -0x1.227dc7e6113fcp-19, 0x1.d649ddfda60b3p-23,
        -0x1.7471870ec85d2p-26, 0x1.d0cf9ba2b2d82p-30};
    static constexpr double logarithm[] = {
        0x1.5555555555592p-1, 0x1.999999997ff3ap-2, 0x1.24924941df006p-2, 0x1.c71c5216321dfp-3,
        0x1.74663c963b971p-3, 0x1.39a1efddbc85ep-3, 0x1.2f0386ec95316p-3};
};

}  // namespace elman::ELMAN_ISA
