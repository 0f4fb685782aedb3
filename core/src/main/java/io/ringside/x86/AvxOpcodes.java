package io.ringside.x86;

/**
 * AVX, AVX2, FMA and F16C instructions that have no SSE form to follow from (Intel SDM volume 2). The notation is
 * explained at {@link OpcodeRow}.
 */
final class AvxOpcodes {
  static final String TEXT =
      """
      [AVX]
      VF2.0F12 vmovddup =Vx,Wx L1
      V0F77 vzeroupper - L0 fpu
      V0F77 vzeroall - L1 fpu
      V66.0F380C vpermilps =Vx,Hx,Wx W0
      V66.0F380D vpermilpd =Vx,Hx,Wx W0
      V66.0F380E vtestps Vx,Wx W0 w:*
      V66.0F380F vtestpd Vx,Wx W0 w:*
      V66.0F3818 vbroadcastss =Vx,Md W0
      V66.0F3818 vbroadcastss =Vx,Ud W0 @AVX2
      V66.0F3819 vbroadcastsd =Vx,Mq L1 W0
      V66.0F3819 vbroadcastsd =Vx,Uq L1 W0 @AVX2
      V66.0F381A vbroadcastf128 =Vx,Mo L1 W0
      V66.0F382C vmaskmovps =Vx,Hx,Mx W0
      V66.0F382D vmaskmovpd =Vx,Hx,Mx W0
      V66.0F382E vmaskmovps +Mx,Hx,Vx W0
      V66.0F382F vmaskmovpd +Mx,Hx,Vx W0
      V66.0F3A04 vpermilps =Vx,Wx,Ib W0
      V66.0F3A05 vpermilpd =Vx,Wx,Ib W0
      V66.0F3A06 vperm2f128 =Vx,Hx,Wx,Ib L1 W0
      V66.0F3A18 vinsertf128 =Vx,Hx,Wo,Ib L1 W0
      V66.0F3A19 vextractf128 =Wo,Vx,Ib L1 W0
      V66.0F3A4A vblendvps =Vx,Hx,Wx,Lx W0
      V66.0F3A4B vblendvpd =Vx,Hx,Wx,Lx W0
      V66.0F3A4C vpblendvb =Vx,Hx,Wx,Lx L0 W0
      [AVX2]
      V66.0F3A4C vpblendvb =Vx,Hx,Wx,Lx L1 W0
      V66.0F3816 vpermps =Vx,Hx,Wx L1 W0
      V66.0F3836 vpermd =Vx,Hx,Wx L1 W0
      V66.0F3845 vpsrlvd =Vx,Hx,Wx W0
      V66.0F3845 vpsrlvq =Vx,Hx,Wx W1
      V66.0F3846 vpsravd =Vx,Hx,Wx W0
      V66.0F3847 vpsllvd =Vx,Hx,Wx W0
      V66.0F3847 vpsllvq =Vx,Hx,Wx W1
      V66.0F3858 vpbroadcastd =Vx,Wd W0
      V66.0F3859 vpbroadcastq =Vx,Wq W0
      V66.0F385A vbroadcasti128 =Vx,Mo L1 W0
      V66.0F3878 vpbroadcastb =Vx,Wb W0
      V66.0F3879 vpbroadcastw =Vx,Ww W0
      V66.0F388C vpmaskmovd =Vx,Hx,Mx W0
      V66.0F388C vpmaskmovq =Vx,Hx,Mx W1
      V66.0F388E vpmaskmovd +Mx,Hx,Vx W0
      V66.0F388E vpmaskmovq +Mx,Hx,Vx W1
      V66.0F3890 vpgatherdd +Vx,Kx/d,+Hx W0 GATHER
      V66.0F3890 vpgatherdq +Vx,Kh/q,+Hx W1 GATHER
      V66.0F3891 vpgatherqd +Vh,Kx/d,+Hh W0 GATHER
      V66.0F3891 vpgatherqq +Vx,Kx/q,+Hx W1 GATHER
      V66.0F3892 vgatherdps +Vx,Kx/d,+Hx W0 GATHER
      V66.0F3892 vgatherdpd +Vx,Kh/q,+Hx W1 GATHER
      V66.0F3893 vgatherqps +Vh,Kx/d,+Hh W0 GATHER
      V66.0F3893 vgatherqpd +Vx,Kx/q,+Hx W1 GATHER
      V66.0F3A00 vpermq =Vx,Wx,Ib L1 W1
      V66.0F3A01 vpermpd =Vx,Wx,Ib L1 W1
      V66.0F3A02 vpblendd =Vx,Hx,Wx,Ib W0
      V66.0F3A38 vinserti128 =Vx,Hx,Wo,Ib L1 W0
      V66.0F3A39 vextracti128 =Wo,Vx,Ib L1 W0
      V66.0F3A46 vperm2i128 =Vx,Hx,Wx,Ib L1 W0
      [F16C]
      V66.0F3813 vcvtph2ps =Vx,Wh W0
      V66.0F3A1D vcvtps2ph =Wh,Vx,Ib W0
      [FMA]
      V66.0F3896 vfmaddsub132ps +Vx,Hx,Wx W0
      V66.0F3896 vfmaddsub132pd +Vx,Hx,Wx W1
      V66.0F3897 vfmsubadd132ps +Vx,Hx,Wx W0
      V66.0F3897 vfmsubadd132pd +Vx,Hx,Wx W1
      V66.0F3898 vfmadd132ps +Vx,Hx,Wx W0
      V66.0F3898 vfmadd132pd +Vx,Hx,Wx W1
      V66.0F3899 vfmadd132ss +Vd,Hd,Wd W0
      V66.0F3899 vfmadd132sd +Vq,Hq,Wq W1
      V66.0F389A vfmsub132ps +Vx,Hx,Wx W0
      V66.0F389A vfmsub132pd +Vx,Hx,Wx W1
      V66.0F389B vfmsub132ss +Vd,Hd,Wd W0
      V66.0F389B vfmsub132sd +Vq,Hq,Wq W1
      V66.0F389C vfnmadd132ps +Vx,Hx,Wx W0
      V66.0F389C vfnmadd132pd +Vx,Hx,Wx W1
      V66.0F389D vfnmadd132ss +Vd,Hd,Wd W0
      V66.0F389D vfnmadd132sd +Vq,Hq,Wq W1
      V66.0F389E vfnmsub132ps +Vx,Hx,Wx W0
      V66.0F389E vfnmsub132pd +Vx,Hx,Wx W1
      V66.0F389F vfnmsub132ss +Vd,Hd,Wd W0
      V66.0F389F vfnmsub132sd +Vq,Hq,Wq W1
      V66.0F38A6 vfmaddsub213ps +Vx,Hx,Wx W0
      V66.0F38A6 vfmaddsub213pd +Vx,Hx,Wx W1
      V66.0F38A7 vfmsubadd213ps +Vx,Hx,Wx W0
      V66.0F38A7 vfmsubadd213pd +Vx,Hx,Wx W1
      V66.0F38A8 vfmadd213ps +Vx,Hx,Wx W0
      V66.0F38A8 vfmadd213pd +Vx,Hx,Wx W1
      V66.0F38A9 vfmadd213ss +Vd,Hd,Wd W0
      V66.0F38A9 vfmadd213sd +Vq,Hq,Wq W1
      V66.0F38AA vfmsub213ps +Vx,Hx,Wx W0
      V66.0F38AA vfmsub213pd +Vx,Hx,Wx W1
      V66.0F38AB vfmsub213ss +Vd,Hd,Wd W0
      V66.0F38AB vfmsub213sd +Vq,Hq,Wq W1
      V66.0F38AC vfnmadd213ps +Vx,Hx,Wx W0
      V66.0F38AC vfnmadd213pd +Vx,Hx,Wx W1
      V66.0F38AD vfnmadd213ss +Vd,Hd,Wd W0
      V66.0F38AD vfnmadd213sd +Vq,Hq,Wq W1
      V66.0F38AE vfnmsub213ps +Vx,Hx,Wx W0
      V66.0F38AE vfnmsub213pd +Vx,Hx,Wx W1
      V66.0F38AF vfnmsub213ss +Vd,Hd,Wd W0
      V66.0F38AF vfnmsub213sd +Vq,Hq,Wq W1
      V66.0F38B6 vfmaddsub231ps +Vx,Hx,Wx W0
      V66.0F38B6 vfmaddsub231pd +Vx,Hx,Wx W1
      V66.0F38B7 vfmsubadd231ps +Vx,Hx,Wx W0
      V66.0F38B7 vfmsubadd231pd +Vx,Hx,Wx W1
      V66.0F38B8 vfmadd231ps +Vx,Hx,Wx W0
      V66.0F38B8 vfmadd231pd +Vx,Hx,Wx W1
      V66.0F38B9 vfmadd231ss +Vd,Hd,Wd W0
      V66.0F38B9 vfmadd231sd +Vq,Hq,Wq W1
      V66.0F38BA vfmsub231ps +Vx,Hx,Wx W0
      V66.0F38BA vfmsub231pd +Vx,Hx,Wx W1
      V66.0F38BB vfmsub231ss +Vd,Hd,Wd W0
      V66.0F38BB vfmsub231sd +Vq,Hq,Wq W1
      V66.0F38BC vfnmadd231ps +Vx,Hx,Wx W0
      V66.0F38BC vfnmadd231pd +Vx,Hx,Wx W1
      V66.0F38BD vfnmadd231ss +Vd,Hd,Wd W0
      V66.0F38BD vfnmadd231sd +Vq,Hq,Wq W1
      V66.0F38BE vfnmsub231ps +Vx,Hx,Wx W0
      V66.0F38BE vfnmsub231pd +Vx,Hx,Wx W1
      V66.0F38BF vfnmsub231ss +Vd,Hd,Wd W0
      V66.0F38BF vfnmsub231sd +Vq,Hq,Wq W1
      """;

  private AvxOpcodes() {}
}
