import sys; sys.path.insert(0,'/work/k2')
exec(open('/work/k2/nat2.py').read().split("if __name__")[0])
from slsc.passes.lowering.nmp import *
import slsc.passes.lowering.nmp as nmpm, collections, struct
def ops_of(b):
    h=struct.unpack_from('<8sIIIIIIIIQ',b); nv,na,no=h[2],h[3],h[4]; o=48+4*nv+16*na
    out=[]
    for i in range(no):
        f=struct.unpack_from('<II2i2i2i16i4f4i',b,o+128*i); out.append(dict(type=f[0],act=f[1],ins=f[2:4],inc=f[4:6],out=f[6],outc=f[7],p=f[8:24]))
    return out
n,bud=sys.argv[1].split(':'); isa=sys.argv[2] if len(sys.argv)>2 else 'avx512'
m,s,plan=load(n,int(bud)); b=lower(s,plan); ops=ops_of(b)
r=NativeRunner(b,1,isa); x=np.random.rand(1,3,180,320).astype(np.float32)
best=None
for i in range(7):
    r.run(x); q=np.array(r.op_seconds()); best=q if best is None else np.minimum(best,q)
mac=np.array(r.op_macs()); g=collections.OrderedDict()
names={1:'Conv',2:'Binary',3:'Unary',4:'Pool',5:'GlobalMean',6:'Resize',7:'Pad',8:'D2S',9:'S2D',10:'ChMean'}
for i,o in enumerate(ops):
    p=o['p']; k=names[o['type']]
    if o['type']==1: k+=f" {p[0]}->{p[1]} {p[2]}x{p[3]} s{p[4]} n{p[13]} act{o['act']} comb{p[14]} sh{p[15]}"
    else: k+=f" {p[:6]} act{o['act']}"
    t=g.setdefault(k,[0,0,0,[]]); t[0]+=best[i]; t[1]+=mac[i]; t[2]+=1; t[3].append(i)
print('total %.1f ms'%(best.sum()*1e3), isa)
for k,t in sorted(g.items(),key=lambda z:-z[1][0]): print('%7.2f ms x%d %6.1f GF  %s  %s'%(t[0]*1e3,t[2],2*t[1]/t[0]/1e9,k,t[3][:8]))
if len(sys.argv)>3:
    for i,o in enumerate(ops): print(i,names[o['type']],o['ins'],o['inc'],'->',o['out'],o['outc'],o['p'][:4],'n',o['p'][13],'act',o['act'],'comb',o['p'][14],'%.2f'%(best[i]*1e3))
